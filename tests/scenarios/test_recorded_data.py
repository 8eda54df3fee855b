"""Recorded data in its formats: the same columns from each, and one clear line about what is wrong with a file."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenarios.rulebench.readers.any_data import How, read_data
from scenarios.rulebench.readers.recorded import RecordedSeries, time_ms, zone
from scenarios.yaml_tree import BadFile

UTC = ZoneInfo("UTC")
HOW = How("value", UTC)
T0 = 1_441_115_100_000  # 2015-09-01 13:45 UTC


def read(path: Path, **how: Any) -> list[RecordedSeries]:
    return read_data([str(path)], How(**({"metric": "value", "tz": UTC} | how)))


def plain(series: list[RecordedSeries]) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
    return {one.labels: list(zip(one.times_ms.tolist(), one.values.tolist(), strict=True)) for one in series}


def put(folder: Path, text: str, name: str = "d.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_one_value_a_row_with_labels(tmp_path: Path) -> None:
    """Columns besides time, value and metric are labels; an empty value is a gap; the file's name is a label."""
    text = (
        "timestamp,metric,road,value\n2015-09-01 13:45:00,speed,a,40\n2015-09-01 13:45:00,speed,b,50\n"
        "2015-09-01 13:50:00,speed,a,\n2015-09-01 13:52:00,flow,a,7\n"
    )
    assert plain(read(put(tmp_path, text))) == {
        (("__name__", "speed"), ("recording", "d"), ("road", "a")): [(T0, 40.0)],
        (("__name__", "speed"), ("recording", "d"), ("road", "b")): [(T0, 50.0)],
        (("__name__", "flow"), ("recording", "d"), ("road", "a")): [(T0 + 420_000, 7.0)],
    }


def test_a_column_for_each_series(tmp_path: Path) -> None:
    """Without a column `value` each header is a series, with labels where it has them; blank lines count as nothing."""
    text = 'time,"speed{road=""a""}",flow\n1441115100,40,\n\n1441115400000,41.5,9\n'
    assert plain(read(put(tmp_path, text))) == {
        (("__name__", "speed"), ("recording", "d"), ("road", "a")): [(T0, 40.0), (T0 + 300_000, 41.5)],
        (("__name__", "flow"), ("recording", "d")): [(T0 + 300_000, 9.0)],
    }


@pytest.mark.parametrize("text", [
    "time;speed\n2015-09-01 13:45:00;40,5\n",
    '"time";"value"\r\n"2015-09-01 13:45:00";"40.5"\r\n',
    "\ufefftime\tspeed\n1441115100\t40.5\n",
    'time;speed{a="1",b="2"}\n1441115100;40,5\n',
])  # fmt: skip
def test_columns_parted_by_semicolons_or_tabs(tmp_path: Path, text: str) -> None:
    """What programs write where the comma is the decimal sign, or as text with tabs, with or without a byte-order mark."""
    ((samples,),) = (list(plain(read(put(tmp_path, text))).values()),)
    assert samples == [(T0, 40.5)]
    with pytest.raises(BadFile, match=r"d\.csv:2:21: value is '4,0,5'"):
        read(put(tmp_path, "time;speed\n2015-09-01 13:45:00;4,0,5\n"))


def test_times_without_a_zone_are_of_the_zone_that_is_named() -> None:
    """Hà Nội is seven hours ahead of UTC; a time that says its own zone is not changed; numbers are epoch s, ms, µs or ns."""
    hanoi = zone("Asia/Ho_Chi_Minh")
    assert time_ms("2015-09-01 20:45:00", hanoi) == time_ms("2015-09-01T13:45:00Z", hanoi) == T0
    assert time_ms(str(T0), hanoi) == time_ms(str(T0 // 1000), UTC) == T0
    assert time_ms(f"{T0}000", UTC) == time_ms(f"{T0}000000", UTC) == T0  # a table of microseconds, of nanoseconds
    for beyond in ("9" * 30, "-1e0", "-" + "9" * 25):
        with pytest.raises(ValueError, match="is no time"):
            time_ms(beyond, UTC)


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("timestamp,value\n2015-09-01 13:45:00,1\n2015-09-01 13:50:00,NaN\n", ":3:21:", "value is 'NaN'; expected a finite"),
        ("timestamp,value\n2015-09-01 13:45:00,inf\n", ":2:21:", "expected a finite number"),
        ("timestamp,value\n2015-09-01 13:45:00,1\n2015-09-01 13:45:00,2\n", ":3:1:", "is there twice; expected times in"),
        ("timestamp,value\n2015-09-01 13:45:00,1\n2015-09-01 13:40:00,2\n", ":3:1:", "comes after 2015-09-01T13:45:00+00:00"),
        ("timestamp,value\nyesterday,1\n", ":2:1:", "'yesterday' is no time; expected a time such as"),
        ("timestamp,value\n2015-09-01 13:45:00\n", ":2:1:", "1 fields; expected 2 as in the header"),
        ("timestamp\n1\n", ":1:1:", "expected a column of times and one of values"),
        ("", ":1:1:", "expected a column of times and one of values"),
        ("time,{{{\n1,2\n", ":1:1:", "column '{{{' is no series"),
    ],
)  # fmt: skip
def test_a_bad_csv_is_one_line_with_its_place(tmp_path: Path, text: str, where: str, said: str) -> None:
    """File, line, column, what was seen, what was expected."""
    with pytest.raises(BadFile) as caught:
        read(put(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'd.csv'}{where}") and said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_time_that_is_there_twice_may_be_settled(tmp_path: Path) -> None:
    """With `repeated` the first or the last of them stays, three alike included."""
    text = "timestamp,value\n10,1\n20,2\n20,3\n20,4\n30,5\n"
    for repeated, kept in (("first", 2.0), ("last", 4.0)):
        (found,) = read(put(tmp_path, text), repeated=repeated)
        assert found.times_ms.tolist() == [10_000, 20_000, 30_000] and found.values.tolist() == [1.0, kept, 5.0]


@pytest.mark.slow
def test_a_large_file_with_a_bad_end_is_refused_soon(tmp_path: Path) -> None:
    """Rows are read many at once: the last of half a million is found, and named by its own line."""
    rows = "".join(f"{1_441_115_100 + 15 * n},{n % 97}\n" for n in range(500_000))
    with pytest.raises(BadFile, match=r":500002:3: value is 'NaN'"):
        read(put(tmp_path, "timestamp,value\n" + rows + "1,NaN\n"))


def test_openmetrics_as_promtool_reads_it(tmp_path: Path) -> None:
    """Samples with timestamps in seconds; without one, or not OpenMetrics at all, is an error that names the line."""
    text = '# TYPE speed gauge\nspeed{road="a"} 40 1441115100\nspeed{road="a"} 42.5 1441115107.5\n# EOF\n'
    assert plain(read(put(tmp_path, text, "d.om"))) == {(("__name__", "speed"), ("road", "a")): [(T0, 40.0), (T0 + 7_500, 42.5)]}
    for bad, line, said in (
        ("# TYPE speed gauge\nspeed 40\n# EOF\n", 3, "has no timestamp"),
        ("# TYPE speed gauge\nspeed{ 40 5\n# EOF\n", 2, "not OpenMetrics"),
        ("# TYPE speed gauge\nspeed 40 5\n", 2, "not OpenMetrics"),
    ):
        with pytest.raises(BadFile, match=rf"d\.om:{line}:1: .*{said}"):
            read(put(tmp_path, bad, "d.om"))


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    """Long and wide tables, timestamps with and without zone, nulls as gaps."""
    times = pa.array([T0, T0 + 300_000], pa.timestamp("ms"))
    pq.write_table(pa.table({"timestamp": times, "road": ["a", "b"], "value": [40.0, None]}), tmp_path / "long.parquet")
    pq.write_table(pa.table({"t": times.cast(pa.timestamp("us", "UTC")), "speed": [1, 2]}), tmp_path / "wide.parquet")
    assert plain(read(tmp_path / "long.parquet")) == {
        (("__name__", "value"), ("recording", "long"), ("road", "a")): [(T0, 40.0)],
        (("__name__", "value"), ("recording", "long"), ("road", "b")): [],
    }
    assert plain(read(tmp_path / "wide.parquet")) == {
        (("__name__", "speed"), ("recording", "wide")): [(T0, 1.0), (T0 + 300_000, 2.0)]
    }
    with pytest.raises(BadFile, match=r"no\.parquet:1:1: (not|cannot be read as) Parquet"):
        read(put(tmp_path, "x", "no.parquet"))


class _Server(BaseHTTPRequestHandler):
    """A Prometheus that has one series at 13:45:00, :15 and :45, and answers as one does."""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        samples = [[T0 / 1000, "40"], [T0 / 1000 + 15, "NaN"], [T0 / 1000 + 45, "42"]]
        ok = "speed" in form["query"][0]
        body: Any = {"status": "error", "errorType": "bad_data", "error": "parse error"}
        if ok:
            rows = [{"metric": {"__name__": "speed", "road": "a"}, "values": samples}]
            body = {"status": "success", "data": {"resultType": "matrix", "result": rows}}
        self.send_response(200 if ok else 400)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_server_is_asked_for_what_rules_read(server: str) -> None:
    """Samples as they were stored or at a step, stale markers left out; what it refuses is said; no time named is an error."""
    for step_ms in (None, 15_000):
        how = How("value", UTC, ("speed",), T0, T0 + 60_000, step_ms)
        assert plain(read_data([server], how)) == {(("__name__", "speed"), ("road", "a")): [(T0, 40.0), (T0 + 45_000, 42.0)]}
    with pytest.raises(BadFile, match="was refused: 400 parse error"):
        read_data([server], How("value", UTC, ("flow",), T0, T0 + 60_000))
    with pytest.raises(BadFile, match="expected --from and --to"):
        read_data([server], HOW)
    with pytest.raises(BadFile, match="no answer to query"):
        read_data(["http://127.0.0.1:9"], How("value", UTC, ("speed",), T0, T0 + 60_000))


def test_the_same_series_twice_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    """Two files with one label set, a folder without data, a file that is not there, an ending that says nothing."""
    one = put(tmp_path, "# TYPE s gauge\ns 1 5\n# EOF\n", "a.om")
    other = put(tmp_path, "# TYPE s gauge\ns 1 6\n# EOF\n", "b.om")
    with pytest.raises(BadFile, match="is in two of the files"):
        read_data([str(one), str(other)], HOW)
    (tmp_path / "empty").mkdir()
    for name, said in (("empty", "no data in this folder"), ("gone.csv", "there is no such file")):
        with pytest.raises(BadFile, match=said):
            read(tmp_path / name)
    with pytest.raises(BadFile, match="unknown ending"):
        read(put(tmp_path, "", "a.xls"))


def test_many_zones_and_none() -> None:
    """A zone that does not exist is said so."""
    with pytest.raises(ValueError, match="'Asia/Nowhere' is no time zone"):
        zone("Asia/Nowhere")
