"""What programs and people send: texts of which it is known."""

from __future__ import annotations

import json
from importlib import resources

import crawleruseragents

#: Programs of messengers and networks that fetch a link which somebody has written, to show a preview of it.
PREVIEWS = [
    "WhatsApp/2.23.20.0",
    "TelegramBot (like TwitterBot)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/1.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 "
    "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",  # iMessage
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    "Synapse (bot; +https://github.com/matrix-org/synapse)",
    "Mastodon/4.2.1 (http.rb/5.1.1; +https://mastodon.example/)",
]
#: Browsers inside of such apps, in which people click.
IN_APP = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
    "[FBAN/FBIOS;FBAV/465.0.0.0;FBBV/1;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.5;FBSS/3;FBCR/;FBID/phone;FBLC/en_US]",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
    "Instagram 333.0.0.0.0 (iPhone14,5; iOS 17_5; en_US; en; scale=3.00; 1170x2532; 600000000)",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/125.0.0.0 Mobile Safari/537.36 Line/14.8.0/IAB",
]


def real_browsers() -> list[str]:
    """What real browsers have sent, as the package fake-useragent has collected it."""
    with resources.files("fake_useragent").joinpath("data", "browsers.jsonl").open() as lines:
        return sorted({json.loads(line)["useragent"] for line in lines})


def examples() -> list[str]:
    """What programs have sent, as the package crawler-user-agents has collected it."""
    return [text for one in crawleruseragents.CRAWLER_USER_AGENTS_DATA for text in one["instances"]]
