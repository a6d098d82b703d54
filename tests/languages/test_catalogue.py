"""The German catalogue is complete, and what is compiled is what is written."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
GERMAN = ROOT / "translations/de/LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|\{\w+\}")


def pybabel(*arguments, folder=ROOT):
    program = [sys.executable, "-m", "babel.messages.frontend"]
    subprocess.run([*program, *map(str, arguments)], cwd=folder, check=True)


def read(file):
    with file.open("rb") as stream:
        return read_po(stream)


def texts(catalogue):
    """Return the translations by what they are for."""
    return {
        forms_of(message.id): forms_of(message.string)
        for message in catalogue
        if message.id
    }


def forms_of(text):
    """Return a text, or its forms for one and for many."""
    return (text,) if isinstance(text, str) else tuple(text)


def untranslated(template, catalogue):
    """Return the texts of a template that a catalogue lacks."""
    known = texts(catalogue)
    return [each[0] for each in texts(template) if not all(known.get(each, [None]))]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The texts that are in the source now."""
    template = tmp_path_factory.mktemp("source") / "messages.pot"
    pybabel("--quiet", "extract", "-F", "babel.cfg", "-o", template, ".")
    return read(template)


@pytest.fixture
def german():
    return read(GERMAN / "messages.po")


def test_every_text_of_the_source_is_translated(source, german):
    assert len(texts(source)) > 100
    assert untranslated(source, german) == []


def test_a_text_that_is_not_translated_is_found(source, german):
    before = set(untranslated(source, german))
    del german["submit"]
    german["Search"].string = ""

    assert set(untranslated(source, german)) - before == {"submit", "Search"}


def test_the_catalogue_holds_no_text_that_the_source_has_not(source, german):
    assert set(texts(german)) - set(texts(source)) == set()
    assert not german.obsolete


def test_no_translation_is_a_guess(german):
    assert not german.fuzzy
    assert [message.id for message in german if message.fuzzy] == []


def test_translations_have_the_placeholders_of_the_source(german):
    for source, translation in texts(german).items():
        *_, wanted = (sorted(PLACEHOLDER.findall(form)) for form in source)
        *few, many = (sorted(PLACEHOLDER.findall(form)) for form in translation)
        assert many == wanted, source
        # The form for one thing may leave out the number.
        assert all(set(each) <= set(wanted) for each in few), source


def test_the_compiled_catalogue_is_up_to_date(german):
    with (GERMAN / "messages.mo").open("rb") as stream:
        compiled = read_mo(stream)
    assert texts(compiled) == texts(german)


def test_the_commands_of_the_how_to_work_on_a_copy_of_the_source(tmp_path):
    for folder in ("qhana_plugin_runner", "translations"):
        shutil.copytree(
            ROOT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("__pycache__", "static"),
        )
    shutil.copy(ROOT / "babel.cfg", tmp_path)
    page = tmp_path / "qhana_plugin_runner/templates/new.html"
    page.write_text('{{ _("A text that is new") }}')

    pybabel("extract", "-F", "babel.cfg", "-o", "messages.pot", ".", folder=tmp_path)
    pybabel(
        "init", "-i", "messages.pot", "-d", "translations", "-l", "en", folder=tmp_path
    )
    pybabel("compile", "-d", "translations", folder=tmp_path)
    pybabel("update", "-i", "messages.pot", "-d", "translations", folder=tmp_path)

    folder = tmp_path / "translations"
    assert (folder / "en/LC_MESSAGES/messages.mo").is_file()
    german = read(folder / "de/LC_MESSAGES/messages.po")
    assert ("A text that is new",) in texts(german)
    assert texts(german)[("submit",)] == ("Absenden",)
