"""Codes that are not what they seem; each test is named after the defect."""

from __future__ import annotations

import pandas as pd
import pytest

from risk.layers.check.codes import examine_codes
from risk.layers.check.finding import Severity
from risk.layers.check.reference import plain, reference
from risk.layers.check.run import check_file


def examined(values, names=None):
    named = None if names is None else pd.Series(names)
    return examine_codes(pd.Series(values, name="kode"), named, "f.csv", reference())


def found(codes):
    return {f.check: f for f in codes.findings}


@pytest.mark.parametrize("value", [11.1, "11.1", "12.2", "31.0"])
def test_codes_turned_into_numbers(value):
    finding = found(examined([value]))["codes-as-numbers"]
    assert finding.severity is Severity.REFUSE
    assert str(value) in finding.found
    assert "as text" in finding.remedy


def test_a_lost_zero_is_told(value="11.1"):
    assert "11.10" in found(examined([value]))["codes-as-numbers"].remedy


def test_codes_of_whole_numbers_may_be_of_anybody():
    finding = found(examined([3203071001]))["bps-codes"]
    assert finding.severity is Severity.REFUSE
    assert "as numbers" in finding.found


@pytest.mark.parametrize("code", ["ID3203190009", "3203190009", "3203190", "3173080005004000"])
def test_bps_codes_by_their_form(code):
    finding = found(examined([code]))["bps-codes"]
    assert finding.severity is Severity.REFUSE
    assert "layers bridge" in finding.remedy


def test_bps_codes_with_dots_are_known_by_their_names():
    """31.71 is Jakarta Selatan for BPS and Jakarta Pusat for Kemendagri."""
    names = ["Jakarta Selatan", "Jakarta Timur", "Jakarta Pusat", "Jakarta Barat", "Jakarta Utara"]
    codes = examined(["31.71", "31.72", "31.73", "31.74", "31.75"], names)
    finding = found(codes)["bps-codes"]
    assert finding.severity is Severity.REFUSE
    assert "31.71 is 'Kota Administrasi Jakarta Pusat'" in finding.found


def test_papua_has_other_codes_at_bps():
    names = ["Papua Barat", "Papua Barat Daya", "Papua", "Papua Selatan", "Papua Tengah"]
    codes = examined(["91", "92", "94", "95", "96"], names)
    assert found(codes)["bps-codes"].severity is Severity.REFUSE


def test_one_name_of_another_code_is_flagged():
    names = ["Kabupaten Bogor", "Kabupaten Sukabumi", "Kabupaten Cianjur", "Kabupaten Bandung",
             "Kabupaten Garut", "Kabupaten Ciamis"]  # fmt: skip
    codes = examined(["32.01", "32.02", "32.03", "32.04", "32.05", "32.06"], names)
    finding = found(codes)["names-of-others"]
    assert finding.severity is Severity.FLAG
    assert finding.codes == ("32.06",)


def test_kemendagri_codes_without_dots_are_read_where_names_prove_them():
    codes = examined(["3203", "3271"], ["Kab. Cianjur", "Kota Bogor"])
    assert codes.code.tolist() == ["32.03", "32.71"]
    assert found(codes)["codes-without-dots"].severity is Severity.INFO


def test_trailing_spaces():
    codes = examined(["31.72 ", " 31.71"], ["Kota Administrasi Jakarta Utara ", "Jakarta Pusat"])
    assert codes.code.tolist() == ["31.72", "31.71"]
    assert set(found(codes)) == {"spaces"}


def test_dirty_codes_with_an_object_id():
    codes = examined(["32.03.01.1006-123", "32.03.01.1007"])
    assert codes.code.tolist() == ["32.03.01.1006", "32.03.01.1007"]
    finding = found(codes)["dirty-codes"]
    assert (finding.severity, finding.codes) == (Severity.FLAG, ("32.03.01.1006",))


@pytest.mark.parametrize("name", ["TIDAK TERDEFINISI", "Tidak Terdefinisi"])
def test_undefined_areas_with_fid_0(name):
    codes = examined(["0", "32.03.01.1006"], [name, "Pamoyanan"])
    assert codes.undefined.tolist() == [True, False]
    finding = found(codes)["undefined-area"]
    assert "FID 0" in finding.found
    assert name in finding.found


def test_34_provinces():
    old = sorted(reference().codes[1] - {"93", "94", "95", "96"})
    finding = found(examined(old))["old-provinces"]
    assert finding.severity is Severity.REFUSE
    assert "34 provinces, without 93, 94, 95, 96" in finding.found


def test_old_papuan_codes_are_unknown():
    """91.01 was Merauke (now 93.01), 91.04 Nabire (now 94.01)."""
    finding = found(examined(["91.01", "91.04", "91.10"]))["unknown-codes"]
    assert finding.severity is Severity.REFUSE


def test_a_few_unknown_codes_are_flagged():
    codes = examined(["32.03.01.1006", "32.03.01.1007", "32.03.01.9999"])
    finding = found(codes)["unknown-codes"]
    assert (finding.severity, finding.codes) == (Severity.FLAG, ("32.03.01.9999",))


def test_kab_and_kota_of_one_name():
    codes = examined(["32.01", "32.71"], ["Bogor", "Bogor"])
    finding = found(codes)["kab-kota-names"]
    assert "32.01 and 32.71" in finding.found


def test_codes_of_another_level_are_left_out():
    codes = examined(["32.03", "32.04", "32"])
    assert (codes.level, codes.code.tolist()) == (2, ["32.03", "32.04", ""])


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("Kab. Aceh Besar", "ACEH BESAR"),
        ("Kota Administrasi Jakarta Utara ", "jakarta utara"),
        ("Mns. Mesjid Lampuuk", "mns mesjid lampuuk"),
        ("KECAMATAN KEBAYORAN LAMA", "Kebayoran Lama"),
    ],
)
def test_names_are_compared_without_kind_case_and_marks(written, same):
    assert plain(written) == plain(same)


def test_real_village_codes_of_the_nation_pass(samples):
    findings = check_file(samples / "geo" / "village_codes_centroids_national.parquet")
    assert {(f.severity, f.check) for f in findings} == {
        ("info", "no-coordinates"), ("info", "places-astray"), ("info", "read-as"),
    }  # fmt: skip


def test_a_centroid_90_km_from_its_village(samples):
    """72.06.20.2002 Matano: a moved code."""
    findings = check_file(samples / "geo" / "village_codes_centroids_national.parquet")
    astray = next(f for f in findings if f.check == "places-astray")
    assert astray.codes == ("72.06.20.2002",)


def test_a_findings_line_stays_one_line():
    codes = examined(["bad\nrefuse\x1b[31m"])
    assert all("\n" not in f.line and "\x1b" not in f.line for f in codes.findings)
