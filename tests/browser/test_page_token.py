"""The page of a server with a token: the link opens it, and its script has the token for all it asks."""

from __future__ import annotations

from playwright.sync_api import Page, expect

import batchdemo as bd

WAIT = 30_000  # ms


def test_the_link_opens_a_page_that_works(page: Page):
    with bd.Server(bd.FixedInterval(5, 0.5), token="of/this&server=1") as server:
        page.goto(server.url)
        expect(page.locator("#state")).to_contain_text("Connected as", timeout=WAIT)
        page.get_by_label("Message").fill("7")
        page.keyboard.press("Enter")
        expect(page.locator("#replies .text")).to_have_text("You wrote: 7", timeout=WAIT)
        expect(page.locator("#policy")).to_contain_text("up to 5 requests every 0.5 s", timeout=WAIT)


def test_without_the_token_one_is_told_what_is_missing(page: Page):
    with bd.Server(bd.FixedInterval(5, 0.5), token="of/this&server=1") as server:
        page.goto(server.url.split("?")[0])
        expect(page.locator("body")).to_contain_text("this server asks for a token", timeout=WAIT)
