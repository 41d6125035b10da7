"""What other readers of event cameras were seen to get wrong, and where it is tested.

A line for each trap of the formats that are decoded here; whoever renames a test is
told by the first one below.
"""

import inspect
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from snnjax.datasets import read_recorded, stream_recorded

HERE = Path(__file__).parent
TRAPS = {
    "Event Stream counts rows from the bottom": (
        *("test_event_stream", "an_event_of_a_dvs_is_five_bytes_and_y_counts_from"),
    ),
    "EVT 2.1 comes in two orders of bytes": (
        *("test_prophesee_evt2", "a_mask_is_an_event_for_each_bit_in_both_byte_orders"),
    ),
    "EVT 2 has events before its first time": (
        *("test_prophesee_evt2", "events_before_the_first_time_have_none_and_are_c"),
    ),
    "EVT 3 may lack a mask, or go on without a new begin of a vector": (
        *("test_prophesee_evt3", "vectors_come_in_any_order_without_a_new_begin"),
    ),
    "EVT 3 may end a vector early": (
        *("test_prophesee_evt3", "the_words_of_an_incomplete_vector_are_those_of_the"),
    ),
    "EVT 3 steps back in the lower part of its time": (
        *("test_prophesee_evt3", "a_step_back_of_the_lower_time_is_one"),
    ),
    "EVT 3 runs over after 24 bits": (
        *("test_prophesee_evt3", "a_clock_that_runs_over_goes_on_and_a_step_back"),
    ),
    "EVT 3 has words of a vendor and triggers": (
        *("test_prophesee_evt3", "triggers_and_words_of_a_vendor_are_skipped_and_c"),
    ),
    "DAT of N-CARS tells no size, and type 0": (
        *("test_prophesee_dat", "a_header_of_n_cars_tells_no_size_and_type_0"),
    ),
    "DAT 1 has coordinates of 9 and 8 bits": (
        *("test_prophesee_dat", "version_1_has_coordinates_of_9_and_8_bits"),
    ),
    "DAT may be cut within an event": (
        *("test_prophesee_dat", "what_is_left_of_a_record_is_counted"),
    ),
    "AEDAT 2.0 has motion and frames among events": (
        *("test_aedat2", "events_of_a_davis_are_told_from_what_else_is_recorded"),
    ),
    "AEDAT 2.0 may not name its chip": (
        *("test_aedat2", "it_is_told_how_the_layout_was_decided_and_asked_for"),
    ),
    "AEDAT 2.0 may go back in time": (
        *("test_aedat2", "times_go_back_as_they_do_and_on_where_32_bits_run_over"),
    ),
    "AEDAT 3.1 marks events as invalid": (
        *("test_aedat31", "valid_polarity_events_are_read_and_all_else_is_counted"),
    ),
    "text has decimal commas, blank lines and a mark of its coding": (
        *("test_event_text", "the_same_events_are_read_however_they_are_written"),
    ),
    "text has polarities that are no two": (
        *("test_event_text", "what_is_no_event_is_refused_by_its_line"),
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_has_a_test_that_makes_the_file_itself(trap):
    module, name = TRAPS[trap]
    spec = spec_from_file_location(f"trap_{module}", HERE / f"{module}.py")
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    (test,) = (f for key, f in vars(loaded).items() if key.startswith(f"test_{name}"))
    assert "data_folder" not in inspect.signature(test).parameters


FAERY = b"t,x@640,y@480,on\r\n913716224,35,443,1\r\n913716226,0,479,0\r\n"
EVLIB = (
    b"# timestamp x y polarity\n913.716224 35 443 1\n913.716226 0 479 -1\n"
    b"913.7162265 1 1 1\n"
)
EVLIB_NAMES = EVLIB.replace(b"# timestamp", b"timestamp")
V2E = (
    b"#!events.txt\n# Format is time (float s), x, y, polarity (0=off, 1=on) as "
    b"specified at http://rpg.ifi.uzh.ch/davis_data.html\n#  time stamps are in s\n"
    b"913.716224 35 443 1\n913.716226 0 479 0\n"
)
V2E_LABELLED = V2E.replace(b" 1\n", b" 1 1\n").replace(b" 0\n", b" 0 0\n")
EVUTILS = b"t,x,y,p\n913716224,35,443,1\n913716226,0,479,0\n"


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        (FAERY, (480, 640)),
        (EVLIB, None),
        (EVLIB_NAMES, None),
        (V2E, None),
        (V2E_LABELLED, None),
        (EVUTILS, None),
    ],
    ids=["faery", "evlib", "evlib names", "v2e", "v2e labelled", "evutils"],
)
def test_heads_of_text_as_others_write_them_are_read(raw, size, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(raw)
    for recorded in (read_recorded(path), *stream_recorded(path)):
        rows = [*zip(*(c.tolist()[:2] for c in recorded[:4]), strict=True)]
        assert rows == [(913716224, 35, 443, 1), (913716226, 0, 479, 0)]
        assert recorded.size == size
