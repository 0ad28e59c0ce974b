"""Reports that are sent away: one page or PDF that holds everything and does nothing else."""

import html
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.cli import main
from app.report import write_report
from app.report.charts import Canvas, bars_svg
from app.report.content import Bars, Column, Grid, Report, Row, Section
from app.report.pdf import document
from profilers import snapshot
from profilers.errors import TwinscopeError
from profilers.profile import Diagnostic, Note, Profile, Severity, StringTable
from profilers.visible_text import visible
from tests.sample import sample_profile

HOSTILE = (
    "<script>alert(1)</script>", "\"' onmouseover='alert(1)", "</style><img src=x onerror=alert(1)>",
    "a\x00b\x1b[31m", "\u202egnp.exe", "javascript:alert(1)", "&lt;b&gt;", "{{body}}", "\ud800",
)  # fmt: skip
LOADING = ("src", "href", "action", "srcset", "poster", "data", "background", "xlink:href")


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self._inside == "script" else self.text).append(data)


def hostile_profile() -> Profile:
    """Names of everything are markup, control characters and other tricks."""
    profile = sample_profile()
    strings = StringTable(
        f"{HOSTILE[at % len(HOSTILE)]}{text}" for at, text in enumerate(profile.strings)
    )
    environment = replace(
        profile.environment,
        model_name=HOSTILE[0],
        framework=HOSTILE[2],
        facts={HOSTILE[1]: HOSTILE[2], "CPU": HOSTILE[4]},
    )
    return replace(
        profile,
        name=HOSTILE[2],
        strings=strings,
        environment=environment,
        diagnostics=tuple(Diagnostic(Severity.ERROR, text, text) for text in HOSTILE),
        notes=tuple(Note(2, text, text) for text in HOSTILE),
    )


def page_of(path: Path, *profiles: Profile) -> tuple[Page, str]:
    write_report(profiles, path)
    text = path.read_text("utf-8")
    return Page(text), text


@pytest.mark.parametrize("count", [1, 2])
def test_a_page_loads_nothing_and_runs_only_its_own_script(tmp_path: Path, count: int) -> None:
    profiles = [hostile_profile(), sample_profile(blocks=6)][:count]
    page, text = page_of(tmp_path / "r.html", *profiles)
    own = [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "object", "embed", "base", "form", "img")]  # fmt: skip
    assert own == ["script"]
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in LOADING:
            assert (attributes.get(name) or "#").startswith("#"), tag
    assert set(re.findall(r"[a-z]+://[^'\"\s<)]+", "".join(page.scripts))) == set()
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert not re.findall(r"https?:", text)
    (policy,) = (a["content"] for tag, a in page.tags if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy


def test_hostile_names_are_shown_as_they_are(tmp_path: Path) -> None:
    page, text = page_of(tmp_path / "r.html", hostile_profile())
    shown = " ".join(page.text)
    assert "<script>alert(1)</script>" in shown
    assert "</style><img src=x onerror=alert(1)>" in shown
    assert "a␀b␛[31m" in shown
    assert "{{body}}" in shown
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\u2066]", text)
    assert visible("line\nbreak") == "line break"


def test_a_page_tells_what_was_measured(tmp_path: Path) -> None:
    page, text = page_of(tmp_path / "r.html", sample_profile())
    shown = " ".join(page.text)
    for told in ("Step, unprofiled", "8.1 ms", "aten::conv2d", "conv2d_kernel", "conv_relu_0",
                 "One thing was lost.", "Why twice?", "Threads", "blocks", "3.035 MiB"):  # fmt: skip
        assert told in shown, told
    tips = [a["data-tip"] for _, a in page.tags if "data-tip" in a]
    assert any(tip and tip.startswith("1\nwithout the profiler: 8 ms") for tip in tips)
    assert any(tip and "activation" in tip.lower() for tip in tips)
    assert len(text) < 5_000_000
    media = re.findall(r"@media \(([^)]*)\)", text)
    assert {"prefers-color-scheme: dark", "max-width: 640px"} <= set(media)
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in (
        page.tags
    )


def test_two_profiles_are_told_beside_each_other(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path / "r.html", sample_profile(), sample_profile(blocks=6))
    shown = " ".join(page.text)
    for told in ("Verdict", "Where the difference comes from", "only in B", "A: Summary"):
        assert told in shown, told


def test_a_profile_with_nothing_in_it_still_makes_a_page(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path / "r.html", Profile("empty"))
    assert "empty" in page.text


def test_a_large_trace_makes_a_small_page(tmp_path: Path, shared_data: Path) -> None:
    out = tmp_path / "r.html"
    assert main(["report", str(shared_data / "a100_train_control.json.gz"), "--out", str(out)]) == 0
    assert out.stat().st_size < 5_000_000


@pytest.mark.parametrize("count", [1, 2])
def test_the_pdf_has_pages_that_other_programs_read(
    tmp_path: Path, qapp: object, count: int
) -> None:
    path = tmp_path / "r.pdf"
    write_report([hostile_profile(), sample_profile(blocks=6)][:count], path)
    data = path.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) >= 2
    assert b"/JavaScript" not in data
    assert b"/URI" not in data


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext is not installed")
def test_a_long_table_goes_on_below_its_head_in_a_pdf(tmp_path: Path, qapp: object) -> None:
    columns = (Column("Operator", is_text=True), Column("Calls"))
    names = [f"operator-{number}" + "-x" * 30 * (number % 7 == 0) for number in range(150)]
    grid = Grid(columns, tuple(Row((name, "1")) for name in names))
    path = tmp_path / "r.pdf"
    path.write_bytes(document(Report("Long", "", (Section("Table", (grid,)),))))
    text = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True
    ).stdout
    pages = text.split("\f")[:-1]
    assert len(pages) > 2
    assert [page.count("Operator ") for page in pages] == [1] * len(pages)
    assert re.findall(r"operator-\d+", text) == [name.partition("-x")[0] for name in names]


def test_short_bars_are_told_wherever_the_pointer_stands_above_them() -> None:
    bars = Bars(("1", "2"), (("before", (1e9, 1.0)), ("after", (2e9, 1e3))), "ns")
    strips = re.findall(r"<rect ([^>]*)data-tip='([^']*)'", bars_svg(bars, Canvas(400, 100, str)))
    assert [html.unescape(told) for _, told in strips] == [
        "1\nbefore: 1 s\nafter: 2 s", "2\nbefore: 1 ns\nafter: 1 µs",
    ]  # fmt: skip
    sizes = {re.sub(r"x='[^']*' ", "", place) for place, _ in strips}
    assert len(sizes) == 1


def test_a_kernel_has_its_short_name_and_tells_the_whole_one(tmp_path: Path) -> None:
    whole = "void at::native::elementwise_kernel<4, at::native::FillFunctor<float> >(int)"
    profile = sample_profile()
    strings = StringTable(whole if text == "conv2d_kernel" else text for text in profile.strings)
    write_report([replace(profile, strings=strings)], tmp_path / "r.html")
    page = Page((tmp_path / "r.html").read_text("utf-8"))
    assert "elementwise_kernel<FillFunctor>" in page.text
    assert whole in [given.get("data-tip") for _, given in page.tags]


def test_the_command_line_writes_by_suffix_and_tells_what_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = tmp_path / "pair.twin"
    snapshot.write_all([sample_profile(), sample_profile(blocks=2)], pair)
    assert main(["report", str(pair), "--out", str(tmp_path / "new" / "r.html")]) == 0
    assert main(["report", str(pair), str(pair), "--out", str(tmp_path / "r.html")]) == 1
    assert "hold 4" in capsys.readouterr().err
    assert main(["report", str(pair), "--out", str(tmp_path / "r.docx")]) == 1
    assert "no report's suffix" in capsys.readouterr().err
    with pytest.raises(TwinscopeError, match="Cannot write"):
        write_report([sample_profile()], pair / "r.html")
