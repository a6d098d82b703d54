"""The list of tasks as a page: it leads to each task and through the list."""

import pytest
from helpers.html_tree import foreign_scripts

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import life_cycle


@pytest.fixture
def tasks(client):
    """Five tasks, the third of which has failed."""
    with client.application.app_context():
        for number in range(5):
            ProcessingTask(task_name=f"<b>task {number}</b>").save(commit=True)
        life_cycle.fail(3, "an error")
        DB.session.remove()


def links_of(page, relation=None):
    return [
        element.attributes["href"]
        for element in page.all("a")
        if "href" in element.attributes and element.attributes.get("rel") == relation
    ]


def listed(page):
    return [
        href.rstrip("/").rpartition("/")[2]
        for href in links_of(page)
        if href.rstrip("/").rpartition("/tasks/")[2].isdigit()
    ]


def test_an_empty_list_says_so(client, visit):
    page = visit(client, "/tasks/")
    assert listed(page) == [] and not page.all("table")
    assert "No tasks yet." in page.text
    assert "No tasks match." in visit(client, "/tasks/?q=x").text


def test_the_page_leads_to_each_task_and_through_the_list(client, visit, tasks):
    page = visit(client, "/tasks/?limit=2")
    assert listed(page) == ["5", "4"]
    assert links_of(page, "prev") == []
    (older,) = links_of(page, "next")
    page = visit(client, older)
    assert listed(page) == ["3", "2"]
    (newer,) = links_of(page, "prev")
    assert listed(visit(client, newer)) == ["5", "4"]
    assert listed(visit(client, newer)) == ["5", "4"]
    for href in links_of(page):
        if "/tasks/" in href:
            assert client.get(href).status_code == 200


def test_the_form_filters_and_remembers(client, visit, tasks):
    page = visit(client, "/tasks/?state=failed&plugin=&q=")
    assert listed(page) == ["3"]
    (chosen,) = [
        option for option in page.all("option") if "selected" in option.attributes
    ]
    assert chosen.attributes["value"] == "failed"
    page = visit(client, "/tasks/?q=" + "TASK 4")
    assert listed(page) == ["5"]
    (field,) = [each for each in page.all("input") if each.attributes.get("name") == "q"]
    assert field.attributes["value"] == "TASK 4"


def test_every_field_of_the_form_has_a_label(client, visit, tasks):
    page = visit(client, "/tasks/")
    labelled = {label.attributes.get("for") for label in page.all("label")}
    for field in [*page.all("select"), *page.all("input")]:
        assert field.attributes["id"] in labelled


def test_texts_of_plugins_are_shown_as_text(client, visit, tasks):
    page = visit(client, "/tasks/")
    assert not page.all("b") and not foreign_scripts(page)
    assert "<b>task 4</b>" in page.text


def test_the_page_speaks_german(client, visit, tasks):
    page = visit(client, "/tasks/?lang=de")
    assert "wartet" in page.text
    assert "Text in Namen oder Parametern" in page.text


def test_programs_get_json(client, tasks):
    answer = client.get("/tasks/")
    assert [task["id"] for task in answer.json["tasks"]] == [5, 4, 3, 2, 1]
    assert "Accept" in answer.vary
