"""The page in a real browser: what a person sees and does there."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from page_of_a_cluster import at_cluster
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from support.cache_folder import CACHE
from support.lmd_command import Lmd, free_port

from localmodel import Client

ROOT = Path(__file__).parents[2]
Browser = webdriver.Chrome
Visit = Callable[..., None]
HOSTILE = "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"
# A picture of one pixel.
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# Strokes of a 2 in a square of 280 pixels.
TWO = [(85, 95), (95, 65), (125, 45), (160, 45), (190, 65), (195, 100), (175, 140), (135, 180), (85, 225), (200, 225)]
# Answers with what came, as a script that takes files does.
ECHO = f"""
from azureml.contrib.services.aml_request import rawhttp

def init():
    print({HOSTILE!r})

@rawhttp
def run(request):
    files = {{name: [file.content_type, len(file.read())] for name, file in request.files.items()}}
    chances = {{{HOSTILE!r}: 0.75, "other": 0.25}}
    return {{"type": request.content_type, "length": len(request.data), "files": files, "chances": chances}}
"""


@pytest.fixture(scope="module")
def tools() -> list[str]:
    """The paths of the browser, of its driver and of axe-core."""
    found = subprocess.run([ROOT / "hack" / "browser-up"], stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    return found.stdout.splitlines()


@pytest.fixture(scope="module")
def browser(tools: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium without a window and without a network but this machine's."""
    program, driver, _ = tools
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.add_argument("--headless=new")
    options.add_argument("--window-size=960,1100")
    options.add_argument("--no-proxy-server")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('browser')}")
    if os.getuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options, Service(driver))
    yield chrome
    chrome.quit()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lmd]:
    """The sample that reads digits, a script whose words are hostile, and one with two revisions and an edit."""
    command = Lmd(tmp_path_factory.mktemp("page"))
    command.home.mkdir()
    (CACHE / "environments").mkdir(parents=True, exist_ok=True)
    (command.home / "environments").symlink_to(CACHE / "environments")
    assert command("init", "sample", "--sample", "sklearn-mnist").code == 0
    assert command("run", "sample/train.py").code == 0
    assert command("model", "register", "sample/sklearn_mnist_model.pkl", "--name", "sklearn_mnist").code == 0
    manifest = command.folder / "sample" / "deployment.yaml"
    manifest.write_text(re.sub(r"localPort: \d+", f"localPort: {free_port()}", manifest.read_text()))
    assert command("apply", "sample").code == 0
    assert command.apply(ECHO, name="hostile").code == 0
    script = command.folder / "plain" / "score.py"
    script.parent.mkdir()
    for number in range(3):
        script.write_text(f"def init():\n    pass\n\n\ndef run(raw_data):\n    return {number}\n")
        assert number == 2 or command("apply", "plain").code == 0
    yield command
    command.clean_up()


@contextmanager
def opened(served: Lmd, browser: Browser, port: int) -> Iterator[Visit]:
    """The page of this port; yields what visits a path of it."""
    with served.running("ui", "--port", str(port)) as running:
        running.says("Ctrl-C ends the page")
        browser.get(running.said().splitlines()[0])

        def visit(path: str, status: int = 200) -> None:
            browser.get(f"http://127.0.0.1:{port}{path}")
            found = browser.execute_script("return performance.getEntriesByType('navigation')[0].responseStatus")
            assert found == status, path

        yield visit


@pytest.fixture(scope="module")
def visit(served: Lmd, browser: Browser) -> Iterator[Visit]:
    with opened(served, browser, free_port()) as visit:
        yield visit


def one(browser: Browser, css: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, css)


def becomes(look: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until it is true of the page, whose parts may be replaced meanwhile."""
    end = time.monotonic() + seconds
    while True:
        try:
            seen = look()
        except Exception as error:
            seen, problem = False, repr(error)
        else:
            problem = f"it is {seen!r}"
        if seen:
            return
        assert time.monotonic() < end, problem
        time.sleep(0.05)


def draw(browser: Browser, points: list[tuple[int, int]]) -> None:
    pad = one(browser, ".pad")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", pad)
    pointer = ActionChains(browser, duration=10)
    for index, (x, y) in enumerate(points):
        pointer.move_to_element_with_offset(pad, x - 140, y - 140)
        if index == 0:
            pointer.click_and_hold()
    pointer.release().perform()


def text(browser: Browser, css: str) -> str:
    return one(browser, css).text


def send(browser: Browser) -> None:
    one(browser, "#try button[type=submit]").click()


def picture(browser: Browser, name: str) -> None:
    """Write a picture for the docs if LOCALMODEL_SCREENSHOTS names the folder for them."""
    if folder := os.environ.get("LOCALMODEL_SCREENSHOTS"):
        browser.execute_script("window.scrollTo(0, 0)")
        assert browser.save_screenshot(str(Path(folder) / f"{name}.png"))


def test_a_drawn_2_is_read_as_a_2(browser: Browser, visit: Visit) -> None:
    visit("/deployments/sklearn-mnist/try")
    one(browser, "#other-forms a").click()
    draw(browser, TWO)
    send(browser)
    becomes(lambda: text(browser, "#answer-body") == "[2]")
    assert "revision 1" in text(browser, "#answer") and " ms" in text(browser, "#answer")
    picture(browser, "try")
    assert "http://localhost:" in one(browser, "#as-curl pre").get_attribute("textContent")


def test_a_digit_is_drawn_with_keys_alone(browser: Browser, visit: Visit) -> None:
    visit("/deployments/sklearn-mnist/try?digit")
    frame = (Keys.ARROW_RIGHT * 10, Keys.ARROW_DOWN * 18, Keys.ARROW_LEFT * 10, Keys.ARROW_UP * 18)
    one(browser, ".pad").send_keys(Keys.ARROW_UP * 9, Keys.ARROW_LEFT * 5, " ", *frame, " ")
    send(browser)
    becomes(lambda: text(browser, "#answer-body") == "[0]")


def test_a_form_has_the_request_of_a_file(browser: Browser, visit: Visit, served: Lmd) -> None:
    visit("/deployments/sklearn-mnist/try")
    one(browser, "#file").send_keys(str(served.folder / "sample" / "request.json"))
    becomes(lambda: "0.9" in one(browser, "#body").get_attribute("value"))
    send(browser)
    becomes(lambda: text(browser, "#answer-body") == "[2]")
    becomes(lambda: one(browser, ".pad").is_displayed())


def test_a_control_changes_the_request(browser: Browser, visit: Visit) -> None:
    visit("/deployments/hostile/try")
    body = one(browser, "#body")
    browser.execute_script("arguments[0].value = arguments[1]", body, '{"age": 41, "rest": {"a": [[1], [2]]}}')
    send(browser)
    becomes(lambda: one(browser, "[data-kind=number]").is_displayed())
    age = one(browser, "[data-kind=number]")
    age.clear()
    age.send_keys("42.5", Keys.ENTER)
    becomes(lambda: '"age":42.5' in one(browser, "#as-python pre").get_attribute("textContent"))


def test_a_table_is_filled_in_and_probabilities_are_drawn(browser: Browser, visit: Visit) -> None:
    visit("/deployments/hostile/try")
    rows = {"data": [{"age": 41, HOSTILE: "basic"}, {"age": 42, HOSTILE: "plus"}]}
    browser.execute_script("arguments[0].value = arguments[1]", one(browser, "#body"), json.dumps(rows))
    send(browser)
    becomes(lambda: one(browser, "table.cells").is_displayed())
    age = one(browser, "table.cells tbody tr:last-child [data-kind=number]")
    age.clear()
    age.send_keys("50")
    one(browser, "[data-add]").click()
    added = browser.switch_to.active_element
    added.clear()
    added.send_keys("5")
    plan = one(browser, "table.cells tbody tr:first-child [data-kind=text]")
    plan.send_keys("!", Keys.ENTER)
    wanted = [{"age": 41, HOSTILE: "basic!"}, {"age": 50, HOSTILE: "plus"}, {"age": 5, HOSTILE: "plus"}]
    code = "return JSON.parse(document.querySelector('#body').value).data"
    becomes(lambda: browser.execute_script(code) == wanted)
    # In one look each, because the second answer may replace the bars of the first one meanwhile.
    becomes(lambda: (text(browser, "table.bars th"), text(browser, "table.bars td:last-child")) == (HOSTILE, "0.75"))
    widths = (
        "return [...document.querySelectorAll('table.bars svg rect')].map(bar => bar.getBoundingClientRect().width)"
    )
    becomes(lambda: len(browser.execute_script(widths)) == 2)
    wide, narrow = browser.execute_script(widths)
    assert wide > 2 * narrow > 0


def at_server(browser: Browser, served: Lmd, name: str) -> None:
    """Open the page that the deployment's own server has."""
    port = urlsplit(served.status(name)["url"]).port
    browser.get(f"http://127.0.0.1:{port}/ui")
    becomes(lambda: text(browser, "#badge") == "serving")


def test_a_server_has_a_page_of_its_own_that_reads_a_drawn_2(browser: Browser, served: Lmd) -> None:
    at_server(browser, served, "sklearn-mnist")
    one(browser, "#digit").click()
    draw(browser, TWO)
    send(browser)
    becomes(lambda: text(browser, "#answer-body") == "[2]")
    assert text(browser, "#status") == "200" and "revision 1" in text(browser, "#took")
    assert "x-localmodel-revision" in one(browser, "#headers").get_attribute("textContent")
    assert "/score" in one(browser, "#curl").get_attribute("textContent")
    one(browser, "#figures summary").click()
    becomes(lambda: "Memory" in text(browser, "#counted"))


def test_a_server_s_page_has_a_form_for_what_was_sent_and_shows_words_as_text(browser: Browser, served: Lmd) -> None:
    at_server(browser, served, "hostile")
    rows = {"data": [{"age": 41, HOSTILE: "basic"}, {"age": 42, HOSTILE: "plus"}]}
    one(browser, "#as-json summary").click()
    browser.execute_script("arguments[0].value = arguments[1]", one(browser, "#body"), json.dumps(rows))
    send(browser)
    becomes(lambda: one(browser, "table.cells").is_displayed())
    age = one(browser, "table.cells tbody tr:last-child [data-kind=number]")
    age.clear()
    age.send_keys("50")
    one(browser, "[data-add]").click()
    send(browser)
    wanted = [*rows["data"], {"age": 50, HOSTILE: "plus"}]
    wanted[1] = wanted[2]
    code = "return JSON.parse(document.querySelector('#body').value).data"
    assert browser.execute_script(code) == wanted
    becomes(lambda: HOSTILE in text(browser, "#answer-body").replace('\\"', '"'))
    becomes(lambda: (text(browser, "table.bars th"), text(browser, "table.bars td:last-child")) == (HOSTILE, "0.75"))
    widths = "return [...document.querySelectorAll('table.bars rect')].map(bar => bar.getBoundingClientRect().width)"
    wide, narrow = browser.execute_script(widths)
    assert wide > 2 * narrow > 0
    for language, word in (("python", "requests.post("), ("javascript", "await fetch(")):
        assert word in one(browser, f"#{language}").get_attribute("textContent")
    assert browser.title.startswith("hostile")
    assert browser.find_elements(By.CSS_SELECTOR, "img, main script") == []
    problems = [entry["message"] for entry in browser.get_log("browser")]
    assert [message for message in problems if "Content Security Policy" in message or "Uncaught" in message] == []


def test_every_route_of_a_server_can_be_called_from_its_page(browser: Browser, served: Lmd) -> None:
    at_server(browser, served, "hostile")
    one(browser, "#routes summary").click()
    becomes(lambda: browser.find_elements(By.CSS_SELECTOR, "#operations details"))
    routes = {route.text: route for route in browser.find_elements(By.CSS_SELECTOR, "#operations details")}
    assert {"GET /readyz", "POST /score", "GET /swagger.json", "GET /metrics"} <= routes.keys()

    def called(name: str, words: str) -> None:
        route = routes[name]
        route.find_element(By.CSS_SELECTOR, "summary").send_keys(Keys.ENTER)
        return_ = route.find_element(By.CSS_SELECTOR, "button")
        becomes(return_.is_displayed)
        return_.send_keys(Keys.ENTER)
        becomes(lambda: words in route.find_element(By.CSS_SELECTOR, "pre").text)
        assert route.find_element(By.CSS_SELECTOR, "[role=status]").text.startswith("200")

    called("GET /readyz", "revision")
    one(browser, "#operations [aria-label='Answer of /score']")
    routes["POST /score"].find_element(By.CSS_SELECTOR, "summary").send_keys(Keys.ENTER)
    routes["POST /score"].find_element(By.CSS_SELECTOR, "textarea").send_keys('{"age": 1}')
    routes["POST /score"].find_element(By.CSS_SELECTOR, "summary").send_keys(Keys.ENTER)
    called("POST /score", "application/json")


def test_a_notebook_has_the_form_in_its_page(
    browser: Browser, served: Lmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a notebook shows of a deployment, as a page of another port."""
    monkeypatch.setenv("LOCALMODEL_HOME", str(served.home))
    shown = Client().get("sklearn-mnist")._repr_html_()
    (tmp_path / "notebook.html").write_text(f"<!doctype html><title>notebook</title>{shown}")
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "-d", tmp_path])
    try:
        becomes(lambda: browser.get(f"http://127.0.0.1:{port}/notebook.html") or browser.title == "notebook")
        assert "running" in text(browser, "body") and "serving, durable" in text(browser, "body")
        one(browser, "summary").click()
        browser.switch_to.frame(one(browser, "iframe"))
        becomes(lambda: text(browser, "#badge") == "serving")
        one(browser, "#digit").click()
        draw(browser, TWO)
        send(browser)
        becomes(lambda: text(browser, "#answer-body") == "[2]")
    finally:
        browser.switch_to.default_content()
        server.terminate()
        server.wait()


def test_a_picture_is_shown_before_it_is_sent(browser: Browser, visit: Visit, served: Lmd) -> None:
    picture = served.folder / "dot.png"
    picture.write_bytes(base64.b64decode(DOT))
    for open_page in (lambda: at_server(browser, served, "hostile"), lambda: visit("/deployments/hostile/try")):
        open_page()
        one(browser, "#as-file summary").click()
        one(browser, "#bytes").send_keys(str(picture))
        becomes(lambda: browser.execute_script("return document.querySelector('img.preview').naturalWidth") == 1)
        one(browser, "#send-file").click()
        becomes(lambda: re.search(rf'"length": {len(base64.b64decode(DOT))}\b', text(browser, "#answer-body")))


def test_a_file_and_a_folder_become_models(browser: Browser, visit: Visit, served: Lmd) -> None:
    weights, folder = served.folder / "my weights.bin", served.folder / "net"
    weights.write_bytes(bytes(range(256)) * 5000)
    (folder / "labels").mkdir(parents=True)
    for place in (folder / "a", folder / "labels" / ("b" * 150)):
        place.write_text(place.name)
    for path, control, name in ((weights, "#upload-file", "my-weights"), (folder, "#upload-folder", "net")):
        visit("/models")
        one(browser, "#add summary").click()
        one(browser, control).send_keys(str(path))
        assert one(browser, "#upload-name").get_attribute("value") == name
        one(browser, "#upload button").click()
        becomes(lambda name=name: browser.current_url.endswith(f"/models/{name}#version-1"))
        assert served("model", "register", str(path), "--name", name).out.startswith(f"{name}:1")


def test_a_file_is_sent_as_it_is(browser: Browser, visit: Visit, served: Lmd) -> None:
    picture = served.folder / "picture.png"
    picture.write_bytes(b"\x89PNG" + bytes(range(256)))
    visit("/deployments/hostile/try")
    one(browser, "#as-file summary").click()
    one(browser, "#send-file").click()
    assert text(browser, "#sending") == "Choose a file first."
    one(browser, "#bytes").send_keys(str(picture))
    one(browser, "#send-file").click()
    becomes(lambda: "image/png" in text(browser, "#answer-body"))
    assert '"length": 260' in text(browser, "#answer-body")
    assert "--data-binary @picture.png" in one(browser, "#as-curl pre").get_attribute("textContent")
    one(browser, "#part").send_keys("image")
    one(browser, "#send-file").click()
    becomes(lambda: re.search(r'"image": \[\s*"image/png",\s*260', text(browser, "#answer-body")))
    assert "-F 'image=@" in one(browser, "#as-curl pre").get_attribute("textContent")


def test_an_edit_on_disk_is_seen_without_a_reload_and_a_rollback_is_asked_about(
    browser: Browser, visit: Visit, served: Lmd
) -> None:
    visit("/deployments/sklearn-mnist")
    browser.execute_script("window.stays = true")
    assert text(browser, "#serving") == "1"
    script = served.folder / "sample" / "score.py"
    good, request = script.read_text(), (served.folder / "sample" / "request.json").read_text()
    script.write_text(good.replace("return model", "return 5 or model"))
    assert served("apply", "sample").code == 0
    becomes(lambda: text(browser, "#serving") == "2" and "Revision 2" in text(browser, "#history"))
    one(browser, "#compare-2").send_keys(Keys.ENTER)
    becomes(lambda: "return 5 or model" in text(browser, ".code-diff .new"))
    assert "return model" in text(browser, ".code-diff .gone") and "score.py" in text(browser, "#causes")
    picture(browser, "compare")
    one(browser, "#both").click()
    browser.execute_script("arguments[0].value = arguments[1]", one(browser, "#body"), request)
    one(browser, "main form button").click()
    becomes(lambda: text(browser, "#verdict") == "The answers differ.")
    assert [side.text for side in browser.find_elements(By.CSS_SELECTOR, "section pre")] == ["[2]", "5"]
    visit("/deployments/sklearn-mnist/compare?from=1&to=2")
    one(browser, "#from").send_keys("2")
    one(browser, "form.search button").click()
    becomes(lambda: text(browser, "#causes") == "It is the same revision.")
    visit("/deployments/sklearn-mnist")
    browser.execute_script("window.stays = true")
    script.write_text(good.replace("global model", "raise KeyError('age')"))
    assert served("apply", "sample").code == 1
    becomes(lambda: "KeyError" in text(browser, "#head") and text(browser, "#serving") == "2")
    assert browser.execute_script("return window.stays")
    picture(browser, "history")

    one(browser, "#back-1").send_keys(Keys.ENTER)
    becomes(lambda: text(browser, "main button") == "Go back to revision 1")
    one(browser, "main button").send_keys(Keys.ENTER)
    becomes(lambda: text(browser, "#serving") == "1" and "Done." in text(browser, "#job"))


def test_an_edit_is_planned_and_applied_from_the_page(browser: Browser, visit: Visit, served: Lmd) -> None:
    script = served.folder / "plain" / "score.py"
    visit("/deployments/plain")
    one(browser, "#plan").click()
    assert "swap" in text(browser, "#plan") and "score.py" in text(browser, "#plan")
    assert "return 2" in text(browser, ".code-diff .new") and text(browser, "#serving") == "2"
    one(browser, "main form button").click()
    becomes(lambda: text(browser, "#serving") == "3" and "Done." in text(browser, "#job"))
    visit("/deployments/plain/plan")
    assert "nothing" in text(browser, "#plan") and browser.find_elements(By.CSS_SELECTOR, "main form") == []
    script.write_text(script.read_text().replace("return 2", "return 3"))


def test_figures_are_drawn_while_somebody_looks(browser: Browser, visit: Visit) -> None:
    visit("/deployments/sklearn-mnist/live")
    becomes(lambda: browser.find_elements(By.CSS_SELECTOR, "#pictures path[d^=M]"))
    assert "Requests per second" in text(browser, "#pictures")
    becomes(lambda: re.search(r"Memory: \d+ MB", text(browser, "#pictures")))


def test_words_of_others_run_nowhere(browser: Browser, visit: Visit) -> None:
    for path in ("", "/try", "/logs", "/settings"):
        visit(f"/deployments/hostile{path}")
        if path == "/try":
            send(browser)
            becomes(lambda: "<script>" in text(browser, "#answer-body"))
        if path == "/logs":
            assert "<img src=x" in text(browser, "#log")
        assert browser.find_elements(By.CSS_SELECTOR, "img, main script") == []
        assert browser.title.startswith("hostile")
    problems = [entry["message"] for entry in browser.get_log("browser")]
    assert [message for message in problems if "Content Security Policy" in message or "Uncaught" in message] == []


def test_the_log_follows(browser: Browser, visit: Visit, served: Lmd) -> None:
    visit("/deployments/hostile/logs")
    before = text(browser, "#log")
    code = "def init():\n    print('a new line')\n\ndef run(raw_data):\n    return 1\n"
    assert served.apply(code, name="hostile").code == 0
    becomes(lambda: "a new line" in text(browser, "#log"))
    assert "a new line" not in before


WALKED = """
const all = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
const shown = [...all].filter((one) => one.checkVisibility() && !one.disabled);
shown.forEach((one, index) => (one.dataset.walk = index));
return shown.length;
"""
FROM_THE_TOP = """
const first = document.createElement("button");
document.body.prepend(first);
first.focus();
first.remove();
"""
FOCUSED = """
const one = document.activeElement, style = getComputedStyle(one);
return [one.dataset.walk ?? "", style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, one.outerHTML];
"""


def walk(browser: Browser, where: str) -> None:
    """Press Tab until every control had the focus, in the order of the page, and showed it."""
    count, reached = browser.execute_script(WALKED), []
    for _ in range(count + 5):  # what scrolls has the focus, too
        ActionChains(browser).send_keys(Keys.TAB).perform()
        index, is_seen, html = browser.execute_script(FOCUSED)
        if index:
            assert is_seen, (where, html)
            reached.append(int(index))
        if len(reached) == count:
            break
    assert reached == list(range(count)), where


def test_keys_alone_reach_every_control_in_its_order(browser: Browser, visit: Visit) -> None:
    of_one, other = "/deployments/sklearn-mnist", "/deployments/plain"
    paths = ("/deployments", of_one, f"{of_one}/try?digit", f"{other}/compare?from=1&to=2", "/models")
    for path in (*paths, f"{other}/both?from=1&to=2", f"{other}/plan"):
        visit(path)
        walk(browser, path)


def test_keys_alone_reach_every_control_of_a_server_s_page(browser: Browser, served: Lmd) -> None:
    at_server(browser, served, "sklearn-mnist")
    one(browser, "#digit").send_keys(Keys.ENTER)
    one(browser, "#routes summary").send_keys(Keys.ENTER)
    becomes(lambda: browser.find_elements(By.CSS_SELECTOR, "#operations details"))
    browser.execute_script(FROM_THE_TOP)
    walk(browser, "/ui")


def test_it_tells_when_something_is_painted(browser: Browser, visit: Visit, served: Lmd) -> None:
    """What the figures are, depends on the machine; `pytest -rP` shows them."""
    code = """
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    const [page] = performance.getEntriesByType("navigation");
    const sizes = performance.getEntriesByType("resource").map((one) => one.transferSize);
    return paint && [paint.startTime, page.responseStart, sizes.reduce((sum, size) => sum + size, page.transferSize)];
    """
    for path in ("/deployments", "/deployments/sklearn-mnist", "/deployments/sklearn-mnist/try", "/models"):
        visit(path)
        becomes(lambda: browser.execute_script(code))
        paint, first_byte, size = browser.execute_script(code)
        print(f"{path}: first byte {first_byte:.0f} ms, first paint {paint:.0f} ms, {size / 1000:.0f} kB")
    at_server(browser, served, "sklearn-mnist")
    print("/ui:", browser.execute_script(code))


def shifts(browser: Browser) -> list[Any]:
    """What has moved without being touched since the page was opened, after the page has looked again twice."""
    looks = "return performance.getEntriesByType('resource').filter((one) => one.initiatorType === 'fetch').length"
    if browser.find_elements(By.CSS_SELECTOR, "[data-live]"):
        becomes(lambda: browser.execute_script(looks) > 2)
    code = """
    const [told] = arguments;
    const moved = [];
    const show = (shift) => [shift.value, ...shift.sources.map(({node}) => node?.outerHTML?.slice(0, 100))];
    const take = (list) => moved.push(...list.getEntries().filter((one) => !one.hadRecentInput).map(show));
    new PerformanceObserver(take).observe({type: "layout-shift", buffered: true});
    requestAnimationFrame(() => setTimeout(() => told(moved), 100));
    """
    found: list[Any] = browser.execute_async_script(code)
    return found


def test_nothing_moves_while_data_comes(browser: Browser, visit: Visit, served: Lmd) -> None:
    of_one, moved = "/deployments/hostile", {}
    inside = ("", "/live", "/try", "/logs", "/settings")
    others = ("/deployments", "/deployments/plain/both?from=1&to=2", "/models", "/models/sklearn_mnist")
    for path in (*(of_one + path for path in inside), "/deployments/sklearn-mnist/try?digit", *others):
        visit(path)
        urllib.request.urlopen(f"http://127.0.0.1:{served.port}/score", b"1", timeout=60).close()
        moved[path] = shifts(browser)
    with at_cluster(browser):
        moved["cluster"] = shifts(browser)
    at_server(browser, served, "sklearn-mnist")
    one(browser, "#digit").click()
    moved["server"] = shifts(browser)
    assert {path: parts for path, parts in moved.items() if parts} == {}


def test_a_shift_is_seen(browser: Browser, visit: Visit) -> None:
    visit("/deployments")
    browser.execute_script("document.querySelector('main').style.marginTop = '200px'")
    assert shifts(browser) != []


@pytest.mark.parametrize("width", [320, 1280, 3840])
def test_no_page_is_wider_than_its_window(browser: Browser, visit: Visit, served: Lmd, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        of_one = "/deployments/sklearn-mnist"
        inside = ("", "/live", "/try?digit", "/logs", "/settings")
        compared = ("/compare?from=1&to=2", "/both?from=1&to=2", "/plan")
        others = ("/deployments", "/models/sklearn_mnist", "/environments")
        paths = [*others, *(of_one + path for path in inside), *(f"/deployments/plain{path}" for path in compared)]
        for path in paths:
            visit(path)
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, path
        with at_cluster(browser):
            assert "Events" in text(browser, "main")
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        at_server(browser, served, "sklearn-mnist")
        one(browser, "#digit").click()
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_no_page_keeps_anybody_out(browser: Browser, visit: Visit, served: Lmd, tools: list[str]) -> None:
    """axe-core knows what screen readers, keyboards and weak eyes need."""
    axe = Path(tools[2]).read_text()
    judge = "axe.run(arguments[0]).then(({violations}) => arguments[1](violations.map((v) => v.id + v.nodes[0].html)))"
    of_one = "/deployments/sklearn-mnist"
    compared = ("/both?from=1&to=2", "/compare?from=1&to=2", "/rollback?to=1", "/plan")
    inside = ("", "/live", "/try", "/try?digit", "/logs", "/settings")
    paths = [*(of_one + path for path in inside), *(f"/deployments/plain{path}" for path in compared)]
    paths += ["/deployments", "/models", "/models/sklearn_mnist", "/environments"]
    try:
        for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            feature = {"name": "prefers-color-scheme", "value": scheme}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
            for path in [*paths, "/nothing"]:
                visit(path, 404 if path == "/nothing" else 200)
                browser.execute_script(
                    f"{axe}; document.querySelectorAll('details').forEach((part) => part.open = true)"
                )
                assert browser.execute_async_script(judge, options) == [], (path, scheme)
            at_server(browser, served, "sklearn-mnist")
            one(browser, "#digit").click()
            browser.execute_script("document.querySelector('#routes').open = true")
            becomes(lambda: browser.find_elements(By.CSS_SELECTOR, "#operations details"))
            browser.execute_script(f"{axe}; document.querySelectorAll('details').forEach((part) => part.open = true)")
            assert browser.execute_async_script(judge, options) == [], scheme
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_lost_connection_is_told_and_comes_back(browser: Browser, served: Lmd) -> None:
    port = free_port()
    with opened(served, browser, port) as visit:
        visit("/deployments")
        assert text(browser, "#connection") == ""
    becomes(lambda: "connection to the page is lost" in text(browser, "#connection"))
    with served.running("ui", "--port", str(port)) as running:
        running.says("Ctrl-C ends the page")
        becomes(lambda: "started again" in text(browser, "#connection"))
        browser.get(running.said().splitlines()[0])
        becomes(lambda: "sklearn-mnist" in text(browser, "#deployments"))
        assert text(browser, "#connection") == ""
