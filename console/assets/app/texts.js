// Everything the app itself says. What a warning says comes from the server, as in its SMS.
const TEXTS = {
  id: {
    drill: "LATIHAN – bukan peringatan sungguhan",
    tabStatus: "Keadaan", tabPlace: "Desa", tabReport: "Lapor", tabAlarm: "Notifikasi",
    headWarned: "Peringatan berlaku", headUnclear: "BELUM TENTU AMAN",
    headNone: "Tidak ada peringatan yang berlaku di sini",
    headEnded: "Peringatan di sini sudah berakhir",
    headLoading: "Membaca keadaan …", headMissing: "BELUM TENTU AMAN",
    notSafe: "Ini bukan pernyataan aman. Bila ada tanda bahaya (gempa kuat atau lama, air laut surut, sungai naik, tanah retak), bertindaklah tanpa menunggu kabar.",
    unclear: "Kami tidak dapat memastikan. Bila ada tanda bahaya, jauhi bahaya sekarang, jangan menunggu kabar.",
    missing: "Keadaan desa ini belum pernah terbaca di HP ini dan jaringan tidak ada. Jangan anggap aman.",
    oldData: (age) => `Data ini berumur ${age}. Sejak itu mungkin ada peringatan baru.`,
    unknownAge: "Umur data tidak diketahui (jam HP berubah?).",
    offline: "Tidak ada jaringan. Ini salinan terakhir.",
    checkedAt: (clock, age) => `Diperiksa ${clock} (${age} yang lalu).`,
    dataAt: (clock) => `Data terakhir diolah ${clock}.`,
    now: "baru saja", minutes: (n) => `${n} menit`, hours: (n) => `${n} jam`, days: (n) => `${n} hari`,
    refresh: "Periksa lagi", what: "Yang harus dilakukan", since: "Sejak", until: "Sampai",
    untilTold: "BMKG menyatakan berakhir", arrival: "Perkiraan tiba", overdue: "Sudah lewat waktunya tetapi belum dinyatakan berakhir: anggap masih berlaku.",
    official: "Peringatan resmi BMKG.", estimate: "Perkiraan dari data BMKG, bukan peringatan BMKG sendiri.",
    version: (n) => `Pesan ke-${n}`, renewed: "terakhir diperbarui", history: "Semua pesan",
    document: "Dokumen resmi (CAP)",
    where: "Tempat berkumpul terdekat", away: (km, way) => `± ${km} km ke arah ${way}`, here: (km) => `± ${km} km dari tengah desa`,
    walk: (n) => `± ${n} menit jalan kaki`, straight: "Jarak garis lurus dari tengah desa, bukan jalan. Ikuti petunjuk petugas.",
    madeUp: "tempat contoh, dibuat untuk latihan", shaken: "di wilayah yang terguncang: berkumpul di luar bangunan",
    noPoint: "Tidak ada tempat berkumpul yang kami tahu aman dalam jarak 10 km. Jauhi bahaya: dari pantai dan sungai naik ke tempat tinggi.",
    uphill: "Tsunami: naik ke tempat tinggi menjauhi pantai. Bila jauh, jangan menunggu kendaraan.",
    sketch: "Sketsa: lingkaran desa Anda, kotak tempat berkumpul, utara di atas.", you: "Desa", north: "U",
    nearby: "Peringatan lain di sekitar", nearDistrict: (n, word, hazard) => `${word}: ${hazard} di ${n} desa lain di kecamatan ini`,
    nearRegency: (n, word, hazard) => `${word}: ${hazard} di ${n} desa di kabupaten/kota ini`,
    ended: "Sudah berakhir", endedAt: (clock) => `Berakhir ${clock}.`,
    doubts: "Mengapa kami tidak pasti",
    choose: "Pilih desa Anda", searchLabel: "Nama desa atau kelurahan, boleh dengan kecamatan", search: "Cari",
    found: (n) => `${n} desa cocok. Pilih yang benar.`, foundOne: "Satu desa cocok. Benar ini?", foundNone: "Tidak ada yang cocok. Coba tambah nama kecamatan, atau pilih dari daftar.",
    more: (n) => `… dan ${n} lagi. Tambahkan nama kecamatan.`, byList: "Pilih dari daftar", province: "Provinsi", regency: "Kabupaten/kota", district: "Kecamatan", village: "Desa/kelurahan", pick: "– pilih –",
    byPosition: "Pakai posisi HP", positionNote: "Posisi dihitung di HP ini saja dan tidak dikirim ke mana pun. Sekali unduh ± 0,6 MB.",
    positionBusy: "Mengunduh daftar desa dan menunggu posisi …", positionAsk: "Apakah salah satu dari lima ini?", positionNone: "Bukan, cari sendiri",
    positionFailed: "Posisi tidak dapat dibaca. Cari nama desa di atas.", positionDenied: "Izin posisi ditolak. Cari nama desa di atas.", positionFar: "Posisi di luar Indonesia. Cari nama desa di atas.",
    awayKm: (km) => `± ${km} km dari Anda`, failed: "Jaringan tidak ada. Coba lagi nanti.", busy: "Terlalu sering. Tunggu sebentar.",
    alarmTitle: "Notifikasi peringatan", alarmWhy: "HP ini berbunyi bila ada peringatan untuk desa Anda, juga saat aplikasi tertutup.",
    alarmOn: (name) => `Notifikasi menyala untuk ${name}.`, alarmOff: "Notifikasi mati.", agree: "Setuju dan nyalakan", stop: "Matikan notifikasi",
    alarmWait: "Menyambungkan …", alarmLate: "Layanan notifikasi tidak menjawab. Daftar lewat SMS saja:", alarmDenied: "Izin notifikasi ditolak di peramban ini. Buka pengaturan peramban untuk mengizinkan, atau daftar lewat SMS:",
    alarmNone: "Notifikasi belum tersedia di sini. Daftar lewat SMS:", alarmIos: "Di iPhone/iPad: tekan tombol Bagikan, pilih “Tambah ke Layar Utama”, lalu buka Kentongan dari layar utama dan nyalakan notifikasi di sini. Atau daftar lewat SMS:",
    alarmRefused: "Pendaftaran tidak diterima. Coba lagi, atau daftar lewat SMS:", alarmLater: "Belum tersambung ke server; dicoba lagi begitu ada jaringan.", alarmLost: "Notifikasi terputus. Nyalakan lagi:",
    alarmPlace: "Pilih desa dulu.", sms: "Daftar lewat SMS", consent: "Persetujuan",
    alarmNote: "Notifikasi dapat terlambat atau tidak sampai. Jangan hanya mengandalkan HP.",
    install: "Pasang di layar utama", wakeMe: "Bunyikan HP ini bila ada peringatan",
    reportTitle: "Lapor kejadian", danger: "Ada yang dalam bahaya jiwa? Telepon 112 sekarang.", reportNote: "Laporan ini bukan nomor darurat.",
    reportWhat: "Apa yang terjadi?", reportWhere: "Di mana? Desa, kecamatan, patokan", reportNumber: "Nomor HP (boleh kosong)", send: "Kirim laporan",
    reportSent: "Terkirim. Lihat perkembangannya:", reportWaiting: (n) => `${n} laporan menunggu jaringan dan dikirim sendiri.`, reportKept: "Tersimpan di HP. Dikirim sendiri begitu ada jaringan. Bahaya jiwa: telepon 112.",
    reportEmpty: "Tulis apa yang terjadi.", reportNumberWrong: "Itu bukan nomor HP. Kosongkan, atau tulis seperti 0812 3456 7890.", reportOften: "Terlalu banyak laporan dari sini. Bahaya jiwa: telepon 112.", reportPage: "Laporan saya",
    language: "English", help: "Bantuan", change: "Ganti desa",
  },
  en: {
    drill: "LATIHAN (EXERCISE) – not a real warning",
    tabStatus: "Now", tabPlace: "Village", tabReport: "Report", tabAlarm: "Alerts",
    headWarned: "Warning in force", headUnclear: "NOT KNOWN TO BE SAFE",
    headNone: "No warning in force here", headEnded: "The warning here has ended",
    headLoading: "Reading …", headMissing: "NOT KNOWN TO BE SAFE",
    notSafe: "This is not an all-clear. At any sign of danger (a strong or long earthquake, the sea drawing back, a rising river, cracks in the ground) act without waiting for news.",
    unclear: "We cannot be sure. At any sign of danger move away from it now; do not wait for news.",
    missing: "This village was never read on this phone and there is no network. Do not take it as safe.",
    oldData: (age) => `This data is ${age} old. There may be newer warnings.`,
    unknownAge: "The age of this data is not known (was the phone's clock changed?).",
    offline: "No network. This is the last copy.",
    checkedAt: (clock, age) => `Checked at ${clock} (${age} ago).`,
    dataAt: (clock) => `Data last worked on at ${clock}.`,
    now: "moments", minutes: (n) => `${n} min`, hours: (n) => `${n} h`, days: (n) => `${n} days`,
    refresh: "Check again", what: "What to do", since: "Since", until: "Until",
    untilTold: "BMKG ends it", arrival: "Expected arrival", overdue: "Past its end and not closed: treat it as in force.",
    official: "BMKG's own warning.", estimate: "An estimate from BMKG data, not BMKG's own warning.",
    version: (n) => `Message ${n}`, renewed: "last renewed", history: "All messages", document: "Official document (CAP)",
    where: "Nearest assembly points", away: (km, way) => `about ${km} km to the ${way}`, here: (km) => `about ${km} km from the village's middle`,
    walk: (n) => `about ${n} min on foot`, straight: "Straight lines from the village's middle, not roads. Follow the officers.",
    madeUp: "made up for exercises", shaken: "in the shaken area: gather outside buildings",
    noPoint: "We know of no assembly point within 10 km that is safe. Keep away from the danger: from coast and river go to high ground.",
    uphill: "Tsunami: go to high ground away from the coast. If it is far, do not wait for transport.",
    sketch: "Sketch: circle your village, squares assembly points, north up.", you: "Village", north: "N",
    nearby: "Other warnings around", nearDistrict: (n, word, hazard) => `${word}: ${hazard} in ${n} other villages of this district`,
    nearRegency: (n, word, hazard) => `${word}: ${hazard} in ${n} villages of this regency`,
    ended: "Ended", endedAt: (clock) => `Ended ${clock}.`, doubts: "Why we are not sure",
    choose: "Choose your village", searchLabel: "Name of the village, with its district if you like", search: "Search",
    found: (n) => `${n} villages fit. Choose the right one.`, foundOne: "One village fits. Is it this?", foundNone: "Nothing fits. Add the district, or choose from the list.",
    more: (n) => `… and ${n} more. Add the district.`, byList: "Choose from the list", province: "Province", regency: "Regency/city", district: "District", village: "Village", pick: "– choose –",
    byPosition: "Use the phone's position", positionNote: "Your position is worked out in this phone and sent nowhere. One download of about 0.6 MB.",
    positionBusy: "Loading the villages and waiting for the position …", positionAsk: "Is it one of these five?", positionNone: "No, I will search",
    positionFailed: "The position cannot be read. Search by name above.", positionDenied: "Position was not allowed. Search by name above.", positionFar: "That position is outside Indonesia. Search by name above.",
    awayKm: (km) => `about ${km} km from you`, failed: "No network. Try again later.", busy: "Too often. Wait a moment.",
    alarmTitle: "Alerts", alarmWhy: "This phone sounds when there is a warning for your village, with the app closed too.",
    alarmOn: (name) => `Alerts are on for ${name}.`, alarmOff: "Alerts are off.", agree: "Agree and switch on", stop: "Switch alerts off",
    alarmWait: "Connecting …", alarmLate: "The push service does not answer. Sign up by SMS instead:", alarmDenied: "Notifications are not allowed in this browser. Allow them in its settings, or sign up by SMS:",
    alarmNone: "Alerts are not available here. Sign up by SMS:", alarmIos: "On iPhone/iPad: press Share, choose “Add to Home Screen”, open Kentongan from there and switch alerts on here. Or sign up by SMS:",
    alarmRefused: "It was not accepted. Try again, or sign up by SMS:", alarmLater: "Not yet known to the server; tried again as soon as there is a network.", alarmLost: "Alerts were lost. Switch them on again:",
    alarmPlace: "Choose a village first.", sms: "Sign up by SMS", consent: "Consent",
    alarmNote: "Alerts may come late or not at all. Do not rely on the phone alone.",
    install: "Put on the home screen", wakeMe: "Wake this phone when there is a warning",
    reportTitle: "Report", danger: "Is a life in danger? Call 112 now.", reportNote: "This form is not an emergency number.",
    reportWhat: "What happened?", reportWhere: "Where? Village, district, landmark", reportNumber: "Phone number (may be empty)", send: "Send",
    reportSent: "Sent. See what becomes of it:", reportWaiting: (n) => `${n} reports wait for a network and go by themselves.`, reportKept: "Kept in the phone; goes by itself once there is a network. Danger to life: call 112.",
    reportEmpty: "Write what happened.", reportNumberWrong: "That is no mobile number. Leave it empty, or write 0812 3456 7890.", reportOften: "Too many reports from here. Danger to life: call 112.", reportPage: "My report",
    language: "Indonesia", help: "Help", change: "Another village",
  },
};

let spoken = "id";
export const language = () => spoken;
export function speak(code) {
  spoken = code in TEXTS ? code : "id";
  document.documentElement.lang = spoken;
}
/** A text of the app; with values where it takes some. */
export const t = (name, ...values) => {
  const found = TEXTS[spoken][name];
  return typeof found === "function" ? found(...values) : found;
};
/** The reader's own of a text that came in both languages. */
export const own = (both) => (both ? (both[spoken] ?? both.id ?? "") : "");
export const number = (value) => String(value).replace(".", spoken === "id" ? "," : ".");
export const age = (seconds) => {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return t("now");
  if (minutes < 120) return t("minutes", minutes);
  return minutes < 2880 ? t("hours", Math.floor(minutes / 60)) : t("days", Math.floor(minutes / 1440));
};
export const NAMES = Object.freeze(Object.keys(TEXTS.id));
export const COMPLETE = NAMES.every((name) => name in TEXTS.en);
