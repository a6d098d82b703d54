"""Checks of plugins: functions that give findings, each with its place and cure."""
