"""The resident's app in a browser: choosing, reading, offline, position, reports; phones that are
slow, and phones without scripts."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import unquote

import pytest
from sqlalchemy import func, select

from kentongan.db import contacts, recipients, reports
from tests.faces.looking import accessible
from tests.faces.screens import keep
from tests.peers.webpush import PushService

MBAY = "53.16.01.1007"
QUIET = "32.04.12.2006"
READY = "() => document.documentElement.dataset.ready === 'yes'"
DRAWN = "() => document.querySelector('#keadaan-isi .keadaan')"
LEAST_PX = 44
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0"
HERE = {"longitude": 121.2846, "latitude": -8.5013}
"""Near Mbay; written nowhere else."""


@pytest.fixture
def app(look):
    """`app(there, code)`: the app, with a village where one is given."""

    def open_app(there, code="", path="/app/", **options):
        options = {"width": 390, "height": 844, **options}
        seen = look(there.url + path + (f"?desa={code}" if code else ""), **options)
        seen.page.wait_for_function(READY)
        if code:
            seen.page.wait_for_function(DRAWN)
        return seen

    return open_app


def kept(page, name):
    """What the app keeps in the phone."""
    script = """async name => {
      const found = await (await caches.open('kentongan-kept')).match('/app/kept/' + name);
      return found ? found.json() : null;
    }"""
    return page.evaluate(script, name)


def test_from_a_misspelled_name_to_what_to_do(served, app):
    seen = app(served("flores"))
    page = seen.page
    keep(page, "app-choose", "flores")
    page.get_by_label("Nama desa").fill("mbay nagekio")
    page.get_by_role("button", name="Kelurahan Mbay II").click()
    page.wait_for_function(DRAWN)
    assert page.locator("h1:visible").inner_text() == "SIAGA: Tsunami"
    assert page.locator(".keadaan .juga").inner_text() == "AWAS: Guncangan gempa"
    assert page.locator(".keadaan .latihan").is_visible() and page.locator("#latihan").is_visible()
    assert "Jauhi pantai" in page.locator("article.kartu").first.inner_text()
    assert "ke arah" in page.locator(".tempat-daftar").inner_text()
    assert page.locator("svg.sketsa rect").count() == page.locator(".tempat-daftar li").count()
    keep(page, "app-status", "flores")
    accessible(page)
    page.get_by_role("button", name="English").click()
    assert page.locator("h1:visible").inner_text() == "WARNING: tsunami"
    assert "high ground" in page.locator("article.kartu").first.inner_text()
    accessible(page)
    page.reload()
    page.wait_for_function(DRAWN)
    assert page.locator("html").get_attribute("lang") == "en", "the choice stays"


@pytest.mark.parametrize("view", ["desa", "lapor", "notifikasi"])
def test_every_view_can_be_used_by_everybody(served, app, view):
    page = app(served("flores"), MBAY).page
    page.locator(f"#tab a[href='#{view}']").click()
    page.wait_for_function(f"() => !document.getElementById('{view}').hidden")
    page.wait_for_timeout(150)
    accessible(page)
    keep(page, f"app-{view}", "flores", widths=(390,))
    small = page.evaluate(
        """least => [...document.querySelectorAll('a, button, input, select, textarea, summary')]
        .filter(e => e.offsetParent && !e.closest('p.kecil, p.bahaya, .jebakan'))
        .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
        .filter(([, r]) => r.height < least).map(([said]) => said)""",
        LEAST_PX,
    )
    assert small == []


def test_by_list_and_by_keyboard(served, app):
    page = app(served("flores")).page
    page.locator("summary").click()
    for name, label in (("province", "Nusa Tenggara Timur"), ("regency", "Kabupaten Nagekeo"),
                        ("district", "Aesesa"), ("village", "Mbay II")):  # fmt: skip
        page.wait_for_function(f"() => !document.getElementById('pilih-{name}').disabled")
        page.locator(f"#pilih-{name}").select_option(label=label)
    page.wait_for_function(DRAWN)
    assert "Mbay II" in page.locator(".tempat").inner_text()
    page.locator("#tab a[href='#desa']").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.tagName === 'H1'")


def test_the_position_never_leaves_the_phone(served, app):
    there = served("flores")
    seen = app(there, geolocation=HERE, permissions=["geolocation"])
    sent = []
    seen.page.on("request", lambda one: sent.append(
        unquote(" ".join([one.url, one.post_data or "", json.dumps(one.headers)]))))  # fmt: skip
    seen.page.get_by_role("button", name="Pakai posisi HP").click()
    ask = seen.page.get_by_text("Apakah salah satu dari lima ini?")
    ask.wait_for(timeout=20_000)
    offered = seen.page.locator("#hasil .pilihan").all_inner_texts()
    assert len(offered) == 6 and "Aesesa" in " ".join(offered)
    before = [one for one in sent if "/app/" in one]
    assert all(re.search(r"/app/(config\.json|points\.bin|names\.txt)", one) for one in before)
    seen.page.locator("#hasil .pilihan").nth(1).click()
    seen.page.wait_for_function(DRAWN)
    chosen = kept(seen.page, "choice")["place"]["code"]
    told = " ".join(sent)
    assert f"/app/status/{chosen}.json" in told
    others = set(re.findall(r"\d\d\.\d\d\.\d\d\.\d{4}", told)) - {chosen}
    assert others == set(), "only the village that was tapped"
    for value in HERE.values():
        for digits in (f"{abs(value):.4f}", f"{abs(value):.2f}", f"{abs(value):.1f}"):
            assert digits not in told, digits
    assert not re.search(r"lat(itude)?=|lon(gitude)?=|coords", told)


def test_where_no_position_is_given_the_name_is_asked(served, app):
    seen = app(served("flores"), permissions=[])
    seen.page.get_by_role("button", name="Pakai posisi HP").click()
    seen.page.get_by_text(re.compile("Izin posisi ditolak|Posisi tidak dapat")).wait_for(
        timeout=35_000
    )


def test_a_position_abroad_is_no_village(served, app):
    seen = app(served("flores"), geolocation={"longitude": 2.35, "latitude": 48.85},
               permissions=["geolocation"])  # fmt: skip
    seen.page.get_by_role("button", name="Pakai posisi HP").click()
    seen.page.get_by_text("Posisi di luar Indonesia").wait_for(timeout=20_000)
    assert seen.page.locator("#hasil .pilihan").count() == 0


def test_a_quiet_village_and_a_blind_one(own, app):
    there = own("flores")
    seen = app(there, QUIET)
    assert "Tidak ada peringatan" in seen.page.locator("h1:visible").inner_text()
    assert "bukan pernyataan aman" in seen.page.locator(".keadaan").inner_text()
    keep(seen.page, "app-quiet", "flores", widths=(390,))
    there.clock.forward(minutes=30)
    seen.page.get_by_role("button", name="Periksa lagi").click()
    seen.page.get_by_role("heading", name="BELUM TENTU AMAN").wait_for()
    assert "tidak terbaca" in seen.page.locator("section.catatan").inner_text()
    accessible(seen.page)
    keep(seen.page, "app-unclear", "blind", widths=(390,))


def test_a_copy_grows_old_by_itself(served, app):
    """No network and the phone's clock goes on: what was quiet is not known any more."""
    seen = app(served("flores"), QUIET)
    seen.page.clock.install()
    seen.page.context.set_offline(True)
    seen.page.clock.fast_forward("11:00")
    seen.page.evaluate("dispatchEvent(new Event('offline'))")
    seen.page.get_by_role("heading", name="BELUM TENTU AMAN").wait_for()
    text = seen.page.locator("#keadaan-isi").inner_text()
    assert "Tidak ada jaringan" in text and "menit" in text and "Tidak ada peringatan" not in text
    seen.complaints.clear()


def test_a_village_never_read_is_not_called_quiet(served, app):
    seen = app(served("flores"), QUIET)
    seen.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    seen.page.context.set_offline(True)
    seen.page.evaluate(
        """async () => {
      const kept = await caches.open('kentongan-kept');
      await kept.delete('/app/kept/status');
    }"""
    )
    seen.page.reload()
    seen.page.get_by_role("heading", name="BELUM TENTU AMAN").wait_for()
    assert "belum pernah terbaca" in seen.page.locator("#keadaan-isi").inner_text()
    seen.complaints.clear()


def test_a_report_without_network_goes_out_once(own, app):
    there = own("flores")
    seen = app(there, MBAY)
    page = seen.page
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.locator("#tab a[href='#lapor']").click()
    assert "112" in page.locator(".bahaya").inner_text()
    page.context.set_offline(True)
    page.get_by_label("Apa yang terjadi?").fill("Air naik di pasar, dua rumah hanyut")
    page.get_by_label("Di mana?").fill("desa Mbay II")
    page.get_by_role("button", name="Kirim laporan").click()
    page.get_by_text("Tersimpan di HP").wait_for()
    page.get_by_text("1 laporan menunggu").wait_for()
    page.reload()
    page.wait_for_function(READY)
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online')); dispatchEvent(new Event('online'))")
    deadline = time.monotonic() + 20
    while kept(page, "lapor-last") is None and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    page.wait_for_timeout(300)
    with there.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(reports)).scalar() == 1
    assert kept(page, "lapor-last")["page"].startswith("/lapor/")
    seen.complaints.clear()


def test_without_scripts_it_is_a_plain_page(served, look):
    there = served("flores")
    seen = look(there.url + "/app/", width=390, height=844, java_script_enabled=False)
    page = seen.page
    page.get_by_label("Nama desa").fill("mbay")
    page.get_by_role("button", name="Cari").click()
    page.get_by_role("link", name="Kelurahan Mbay II").click()
    assert page.locator("h1").inner_text() == "SIAGA: Tsunami"
    assert "Jauhi pantai" in page.locator("article").first.inner_text()
    assert page.locator(".latihan").is_visible()
    plain = look(f"{there.url}/app/desa/{MBAY}").page
    accessible(plain)
    keep(plain, "app-plain", "flores", widths=(390,))
    page.goto(there.url + "/app/desa")
    for name in ("Nusa Tenggara Timur", "Kabupaten Nagekeo", "Aesesa", "Mbay II"):
        page.get_by_role("link", name=name, exact=True).click()
    assert "SIAGA" in page.locator("h1").inner_text()


HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>\u202egnp'


def test_hostile_names_are_text(served, look):
    """Whatever stands in names and texts: it is shown as it is."""
    there = served("flores")
    seen = look(f"{there.url}/app/", width=390, height=844)
    page = seen.page

    def poisoned(route):
        answer = route.fetch()
        text = re.sub(r'"(name|district|regency|title|text|do|id|en|kind)":"[^"]*"',
                      lambda m: f'"{m[1]}":{json.dumps(HOSTILE)}', answer.text())  # fmt: skip
        route.fulfill(response=answer, body=text)

    page.context.route(re.compile("/app/(places|status/|config|areas)"), poisoned)
    page.get_by_label("Nama desa").fill("mbay")
    page.locator("#hasil .pilihan").first.wait_for()
    page.locator("#hasil .pilihan").first.click()
    page.wait_for_function(DRAWN)
    page.wait_for_timeout(200)
    assert page.evaluate(
        "() => [window.hit ?? 0, document.querySelectorAll('main img').length]"
    ) == [0, 0]
    assert "<img src=x" in page.locator("#keadaan-isi").inner_text()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_help_is_there_for_everybody(served, look):
    seen = look(served("flores").url + "/app/bantuan", width=390, height=844)
    assert "Tambah ke Layar Utama" in seen.page.locator("main").inner_text()
    accessible(seen.page)
    keep(seen.page, "app-help", "flores", widths=(390,))


def test_a_silent_push_service_leads_to_sms(served, app, tmp_path):
    """As on phones without Google's services: `subscribe` never answers."""
    seen = app(served("flores", routes=_routes(tmp_path)), MBAY, permissions=["notifications"])
    page = seen.page
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.clock.install()
    page.evaluate(
        """() => {
      window.asked = 0;
      PushManager.prototype.subscribe = () => { window.asked += 1; return new Promise(() => {}); };
      Notification.requestPermission = async () => 'granted';
    }"""
    )
    page.locator("#tab a[href='#notifikasi']").click()
    page.get_by_role("button", name="Setuju dan nyalakan").wait_for()
    assert "alamat notifikasi peramban" in page.locator("#setuju-teks").inner_text()
    accessible(page)
    keep(page, "app-consent", "flores", widths=(390,))
    page.get_by_role("button", name="Setuju dan nyalakan").click()
    page.get_by_text("Menyambungkan").wait_for()
    page.wait_for_function("() => window.asked === 1")
    page.clock.fast_forward(14_000)
    assert page.get_by_text("Menyambungkan").is_visible()
    page.clock.fast_forward(2_000)
    page.get_by_text("tidak menjawab").wait_for()
    assert (
        page.get_by_role("link", name="Daftar lewat SMS").first.get_attribute("href") == "/daftar"
    )


def _routes(tmp_path):
    from kentongan.keyfiles import key_file
    from notify.channels.webpush import vapid

    key_file(tmp_path / "vapid.pem", make=vapid.make_key)
    routes = tmp_path / "routes.toml"
    routes.write_text(
        '[[route]]\nkind = "webpush"\nroute = "browsers"\nkey_file = "vapid.pem"\n'
        'contact = "mailto:duty@example.org"\nallow_local = true\n'
    )
    return routes


LIKE_THE_PEERS = """(text) => {
  const said = JSON.parse(text);
  let held = null;
  const made = {endpoint: said.endpoint, options: {}, toJSON: () => said,
    unsubscribe: async () => { held = null; return true; }};
  PushManager.prototype.getSubscription = async () => held;
  PushManager.prototype.subscribe = async () => (held = made);
  Notification.requestPermission = async () => 'granted';
}"""
"""The browser's own push service cannot be asked here: the peer's subscription stands for it."""


def test_agree_move_and_stop(own, app, tmp_path):
    there = own("flores", routes=_routes(tmp_path))
    seen = app(there, MBAY, permissions=["notifications"])
    page = seen.page
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    with PushService() as peer:
        key = there.get("/app/config.json").json()["key"]
        page.evaluate(LIKE_THE_PEERS, peer.subscribe(key))
        page.locator("#tab a[href='#notifikasi']").click()
        page.get_by_role("button", name="Setuju dan nyalakan").click()
        page.get_by_text("Notifikasi menyala untuk Mbay II").wait_for()
        assert _registered(there) == [MBAY]
        accessible(page)
        page.locator("#tab a[href='#desa']").click()
        page.get_by_label("Nama desa").fill(QUIET)
        page.get_by_role("button", name="Citeureup").click()
        page.get_by_role("heading", name="Tidak ada peringatan").wait_for()
        page.locator("#tab a[href='#notifikasi']").click()
        page.get_by_text("Notifikasi menyala untuk Citeureup").wait_for()
        assert _registered(there) == [QUIET], "the village moves with the person"
        page.get_by_role("button", name="Matikan notifikasi").click()
        page.get_by_text("Notifikasi mati").wait_for()
    assert _registered(there) == []


def _registered(there):
    query = select(recipients.c.adm4_code).join(
        contacts, contacts.c.recipient_id == recipients.c.recipient_id
    )
    with there.engine.connect() as connection:
        return connection.execute(query).scalars().all()


def test_an_iphone_is_told_how(served, look):
    there = served("flores")
    seen = look(f"{there.url}/app/#notifikasi", width=390, height=844,
                user_agent=IPHONE)  # fmt: skip
    seen.page.add_init_script("delete window.PushManager;")
    seen.page.reload()
    seen.page.get_by_text("Tambah ke Layar Utama").wait_for()
    assert seen.page.get_by_role("link", name="Daftar lewat SMS").first.is_visible()


def test_a_link_to_another_village_does_not_change_which_one_is_watched(served, look):
    there = served("flores")
    page = look(f"{there.url}/app/?desa={MBAY}").page
    page.wait_for_function(DRAWN)
    page.goto(f"{there.url}/app/?desa={QUIET}")
    offer = page.locator("#hasil button")
    offer.wait_for()
    assert "Satu desa cocok. Benar ini?" in page.locator("#hasil-kata").inner_text()
    assert kept(page, "choice")["place"]["code"] == MBAY
    offer.click()
    page.wait_for_function(DRAWN)
    assert kept(page, "choice")["place"]["code"] == QUIET


def test_a_cheap_phone_on_a_slow_network(served, browser):
    """3G (400 ms, 50 kB/s) and a sixth of this machine's speed: bytes, and when it can be read."""
    there = served("flores")
    context = browser.new_context(viewport={"width": 360, "height": 640}, locale="id-ID")
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 20_000,
    })  # fmt: skip
    wire.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    weight = []
    wire.on("Network.loadingFinished", lambda one: weight.append(one["encodedDataLength"]))
    page.goto(f"{there.url}/app/?desa={MBAY}")
    page.wait_for_function(DRAWN, timeout=60_000)
    found = page.evaluate(
        """() => ({
      fcp: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
      read: performance.now(),
    })"""
    )
    context.close()
    print(  # noqa: T201 figures for the report
        f"first paint {found['fcp']:.0f} ms, status read {found['read']:.0f} ms, "
        f"{sum(weight):.0f} bytes in {len(weight)} answers"
    )
    assert sum(weight) < 150_000 and found["fcp"] < 6_000
