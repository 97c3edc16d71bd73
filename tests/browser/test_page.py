"""The page at `/`, in a real browser: typing, reading, keyboard alone, hostile text, a server that goes and comes."""

from __future__ import annotations

from playwright.sync_api import Page, expect

import batchdemo as bd

WAIT = 30_000  # ms


def open_page(page: Page, server: bd.Server) -> None:
    page.goto(server.url)
    expect(page.locator("#state")).to_contain_text("Connected as", timeout=WAIT)


def send(page: Page, text: str) -> None:
    page.get_by_label("Message").fill(text)
    page.keyboard.press("Enter")


def test_one_to_eighteen_come_in_batches_of_five(page):
    with bd.Server(bd.FixedInterval(5, 1.0)) as server:
        open_page(page, server)
        for number in range(1, 19):
            page.keyboard.type(str(number))  # the field has the focus: no mouse is needed
            page.keyboard.press("Enter")
        replies = page.locator("#replies li")
        expect(replies).to_have_count(18, timeout=WAIT)
        texts = page.locator("#replies .text").all_inner_texts()
        batches = [int(item.get_attribute("data-batch") or 0) for item in replies.all()]
        sizes = [batch.record.size for batch in server.recorder.batches]
    assert texts == [f"You wrote: {number}" for number in range(1, 19)]
    assert batches == sorted(batches)
    assert [batches.count(number) for number in sorted(set(batches))] == sizes
    assert max(sizes) <= 5


def test_a_range_is_as_many_messages(page, after_a_tick):
    with bd.Server(bd.FixedInterval(5, 1.0)) as server:
        open_page(page, server)
        after_a_tick(server)
        send(page, "1-18")
        expect(page.locator("#state")).to_have_text("Sent 18 messages.")
        expect(page.locator("#replies li")).to_have_count(18, timeout=WAIT)
        expect(page.locator("#replies li.first")).to_have_count(4)
        assert [batch.record.size for batch in server.recorder.batches] == [5, 5, 5, 3]


def test_the_clock_and_the_queue_are_shown(page):
    with bd.Server(bd.FixedInterval(2, 3.0)) as server:
        open_page(page, server)
        expect(page.locator("#policy")).to_contain_text("up to 2 requests every 3 s", timeout=WAIT)
        send(page, "1-6")
        expect(page.locator("#waiting")).to_have_text("4", timeout=WAIT)
        expect(page.locator("#waiting")).to_have_text("2", timeout=WAIT)
        left = float(page.locator("#next").inner_text().removesuffix(" s"))
        assert 0 <= left <= 3.0


def test_text_is_shown_as_text(page):
    with bd.Server(bd.FixedInterval(5, 0.2)) as server:
        open_page(page, server)
        hostile = "<img src=x onerror=document.title='owned'><b>bold</b>"
        send(page, hostile)
        expect(page.locator("#replies .text")).to_have_text(f"You wrote: {hostile}", timeout=WAIT)
        assert page.locator("#replies img, #replies b").count() == 0
        assert page.title() == "batchdemo"


def test_a_refusal_is_shown_with_its_reason(page):
    with bd.Server(bd.FixedInterval(1, 60.0), max_queue_size=1) as server:
        open_page(page, server)
        send(page, "1-2")
        expect(page.locator("#replies .refused")).to_have_text("2", timeout=WAIT)
        expect(page.locator("#replies .how")).to_contain_text("the queue is full (max_queue_size=1); try again in")


def test_a_bad_id_is_not_sent_and_a_new_one_connects_anew(page):
    with bd.Server(bd.FixedInterval(5, 0.2)) as server:
        open_page(page, server)
        page.get_by_label("Your ID").fill("no spaces allowed")
        page.get_by_label("Your ID").blur()
        expect(page.locator("#state")).not_to_contain_text("no spaces")
        page.get_by_label("Your ID").fill("ada")
        page.get_by_label("Your ID").blur()
        expect(page.locator("#state")).to_have_text("Connected as ada.", timeout=WAIT)


def test_a_server_that_goes_is_told_and_found_again_when_it_comes(page):
    server = bd.Server(bd.FixedInterval(5, 0.2)).start()
    open_page(page, server)
    server.stop()
    expect(page.locator("#state")).to_contain_text("the server was stopped", timeout=WAIT)
    with bd.Server(bd.FixedInterval(5, 0.2), port=server.port):
        expect(page.locator("#state")).to_contain_text("Connected as", timeout=WAIT)
        send(page, "7")
        expect(page.locator("#replies .text")).to_have_text("You wrote: 7", timeout=WAIT)


def test_every_control_has_a_name_and_replies_are_announced(page):
    with bd.Server(bd.FixedInterval(5, 0.2)) as server:
        open_page(page, server)
        expect(page.get_by_role("textbox", name="Your ID")).to_be_visible()
        expect(page.get_by_role("textbox", name="Message")).to_be_focused()
        expect(page.get_by_role("button", name="Send")).to_be_visible()
        expect(page.get_by_role("progressbar", name="until the next tick")).to_be_visible()
        expect(page.get_by_role("log", name="Replies")).to_be_attached()
        expect(page.get_by_role("status")).to_be_attached()
        assert page.locator("html").get_attribute("lang") == "en"
