"""What people see: the pages of the runner and its workbench. Knows the API, never the reverse."""
