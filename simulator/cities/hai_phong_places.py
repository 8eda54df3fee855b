"""The places of the schematic Hải Phòng: zones with old and new names, water, parks, ports, substations.

Lives here: data only. Must not know: how it is drawn. Degrees, WGS 84, drawn after the real city,
 not surveyed. People and
jobs are round assumptions. Old districts are those of 1 January – 30 June 2025; wards are those of Resolution
1669/NQ-UBTVQH15 of 16 June 2025, in force from 1 July 2025.
"""

from simulator.generate.draft import Site, ZoneSeed
from simulator.generate.frame import Point

_HB, _LC, _NQ, _HA, _KA = "quận Hồng Bàng", "quận Lê Chân", "quận Ngô Quyền", "quận Hải An", "quận Kiến An"
_DK, _DS, _AD, _TN = "quận Dương Kinh", "quận Đồ Sơn", "quận An Dương", "thành phố Thủy Nguyên"

ZONES = (
    ZoneSeed("hong_bang", "Hồng Bàng", 106.6815, 20.8635, "centre", 9_000, 17_000, _HB, "phường Hồng Bàng"),
    ZoneSeed("tam_bac", "Dải trung tâm – hồ Tam Bạc", 106.6760, 20.8585, "park", 3_000, 8_000, _HB, "phường Hồng Bàng"),
    ZoneSeed("thuong_ly", "Thượng Lý", 106.6590, 20.8650, "residential", 14_000, 6_000, _HB, "phường Hồng Bàng"),
    ZoneSeed("so_dau", "Sở Dầu", 106.6390, 20.8660, "residential", 13_000, 9_000, _HB, "phường Hồng Bàng"),
    ZoneSeed("quan_toan", "Quán Toan", 106.6130, 20.8800, "residential", 11_000, 8_000, _HB, "phường Hồng An"),
    ZoneSeed("nomura", "Khu công nghiệp Nomura – Hải Phòng", 106.5750, 20.8915, "industrial", 3_000, 24_000, _HB,
     "phường Hồng An"),
    ZoneSeed("trang_due", "Khu công nghiệp Tràng Duệ", 106.5820, 20.8705, "industrial", 4_000, 26_000, _AD,
     "phường An Phong"),
    ZoneSeed("an_phong", "An Phong", 106.5680, 20.8470, "rural", 9_000, 2_000, _AD, "phường An Phong"),
    ZoneSeed("an_duong", "An Dương", 106.6150, 20.8590, "residential", 17_000, 6_000, _AD, "phường An Dương"),
    ZoneSeed("an_hai", "An Hải", 106.6420, 20.8480, "residential", 16_000, 6_000, _AD, "phường An Hải"),
    ZoneSeed("le_chan", "Lê Chân", 106.6765, 20.8500, "centre", 22_000, 15_000, _LC, "phường Lê Chân"),
    ZoneSeed("an_bien", "An Biên", 106.6690, 20.8440, "residential", 19_000, 7_000, _LC, "phường An Biên"),
    ZoneSeed("vinh_niem", "Vĩnh Niệm", 106.6670, 20.8370, "residential", 17_000, 6_000, _LC, "phường An Biên"),
    ZoneSeed("kenh_duong", "Kênh Dương", 106.6830, 20.8360, "residential", 18_000, 7_000, _LC, "phường Lê Chân"),
    ZoneSeed("cau_dat", "Cầu Đất", 106.6905, 20.8560, "centre", 12_000, 17_000, _NQ, "phường Gia Viên"),
    ZoneSeed("gia_vien", "Gia Viên", 106.6940, 20.8470, "residential", 17_000, 9_000, _NQ, "phường Gia Viên"),
    ZoneSeed("dong_khe", "Đông Khê", 106.7080, 20.8560, "residential", 16_000, 8_000, _NQ, "phường Gia Viên"),
    ZoneSeed("ngo_quyen", "Ngô Quyền", 106.7120, 20.8645, "residential", 15_000, 8_000, _NQ, "phường Ngô Quyền"),
    ZoneSeed("cang_hoang_dieu", "Cảng Hoàng Diệu", 106.7000, 20.8680, "port", 1_000, 8_000, _NQ, "phường Ngô Quyền"),
    ZoneSeed("cang_chua_ve", "Cảng Chùa Vẽ", 106.7340, 20.8665, "port", 2_000, 9_000, _HA, "phường Đông Hải"),
    ZoneSeed("dang_lam", "Đằng Lâm", 106.7030, 20.8350, "residential", 17_000, 7_000, _HA, "phường Hải An"),
    ZoneSeed("dang_hai", "Đằng Hải", 106.7220, 20.8440, "residential", 14_000, 6_000, _HA, "phường Hải An"),
    ZoneSeed("cat_bi", "Cát Bi", 106.7250, 20.8290, "residential", 10_000, 6_000, _HA, "phường Hải An"),
    ZoneSeed("dong_hai", "Đông Hải", 106.7400, 20.8490, "residential", 12_000, 9_000, _HA, "phường Đông Hải"),
    ZoneSeed("trang_cat", "Tràng Cát", 106.7530, 20.8090, "rural", 6_000, 2_000, _HA, "phường Hải An"),
    ZoneSeed("dinh_vu", "Khu công nghiệp Đình Vũ", 106.7760, 20.8390, "industrial", 2_000, 19_000, _HA,
     "phường Đông Hải"),
    ZoneSeed("cang_dinh_vu", "Cảng Đình Vũ – Tân Vũ", 106.8020, 20.8190, "port", 1_000, 15_000, _HA, "phường Đông Hải"),
    ZoneSeed("kien_an", "Kiến An", 106.6380, 20.8170, "residential", 19_000, 8_000, _KA, "phường Kiến An"),
    ZoneSeed("phu_lien", "Phù Liễn", 106.6160, 20.8080, "residential", 14_000, 5_000, _KA, "phường Phù Liễn"),
    ZoneSeed("hung_dao", "Hưng Đạo", 106.6750, 20.8070, "residential", 9_000, 3_000, _DK, "phường Hưng Đạo"),
    ZoneSeed("duong_kinh", "Dương Kinh", 106.6970, 20.8080, "residential", 11_000, 5_000, _DK, "phường Dương Kinh"),
    ZoneSeed("hoa_nghia", "Hòa Nghĩa", 106.7130, 20.7800, "rural", 7_000, 3_000, _DK, "phường Dương Kinh"),
    ZoneSeed("kcn_do_son", "Khu công nghiệp Đồ Sơn", 106.7530, 20.7340, "industrial", 4_000, 12_000, _DS,
     "phường Nam Đồ Sơn"),
    ZoneSeed("do_son", "Đồ Sơn", 106.7820, 20.7080, "park", 9_000, 7_000, _DS, "phường Đồ Sơn"),
    ZoneSeed("kien_thuy", "Kiến Thụy", 106.6680, 20.7620, "rural", 8_000, 2_000, "huyện Kiến Thụy", "xã Kiến Thụy"),
    ZoneSeed("an_lao", "An Lão", 106.5830, 20.7860, "rural", 8_000, 4_000, "huyện An Lão", "xã An Lão"),
    ZoneSeed("thuy_nguyen", "Thủy Nguyên", 106.6880, 20.8880, "centre", 12_000, 12_000, _TN, "phường Thủy Nguyên"),
    ZoneSeed("vsip", "Khu công nghiệp VSIP Hải Phòng", 106.7200, 20.8980, "industrial", 3_000, 23_000, _TN,
     "phường Thủy Nguyên"),
    ZoneSeed("hoa_binh", "Hòa Bình", 106.6920, 20.9080, "residential", 9_000, 3_000, _TN, "phường Hòa Bình"),
    ZoneSeed("thien_huong", "Thiên Hương", 106.6560, 20.9060, "residential", 9_000, 3_000, _TN, "phường Thiên Hương"),
    ZoneSeed("le_ich_moc", "Lê Ích Mộc", 106.6180, 20.9060, "rural", 6_000, 2_000, _TN, "phường Lê Ích Mộc"),
    ZoneSeed("nam_trieu", "Nam Triệu", 106.7420, 20.9160, "rural", 7_000, 3_000, _TN, "phường Nam Triệu"),
)  # fmt: skip

# Wards of 2025 that lie inside the drawn area but carry no zone of their own, by their former district or city.
OTHER_WARDS = {_TN: ("phường Bạch Đằng", "phường Lưu Kiếm")}

RIVERS: tuple[tuple[str, float, tuple[Point, ...], tuple[float, ...]], ...] = (
    ("Sông Cấm", 1.0,
     ((106.300, 20.9500), (106.430, 20.9280), (106.530, 20.9105), (106.585, 20.9030), (106.6060, 20.8960),
      (106.6320, 20.8840), (106.6550, 20.8760), (106.6740, 20.8722),
      (106.6950, 20.8735), (106.7150, 20.8775), (106.7350, 20.8775), (106.7530, 20.8690), (106.7700, 20.8560),
       (106.7880, 20.8430),
      (106.8050, 20.8380)),
     (300, 300, 310, 320, 330, 360, 400, 440, 470, 520, 600, 680, 720, 800, 900)),
    ("Sông Tam Bạc", 1.0,
     ((106.6690, 20.8712), (106.6706, 20.8655), (106.6702, 20.8605), (106.6655, 20.8565), (106.6588, 20.8545),
      (106.6530, 20.8505),
      (106.6500, 20.8440), (106.6490, 20.8370)),
     (90, 85, 80, 75, 75, 80, 85, 100)),
    ("Sông Lạch Tray", 1.0,
     ((106.300, 20.8600), (106.430, 20.8520), (106.5400, 20.8240), (106.5850, 20.8200), (106.6030, 20.8290),
      (106.6230, 20.8375), (106.6430, 20.8390), (106.6560, 20.8350),
      (106.6700, 20.8262), (106.6830, 20.8232), (106.6950, 20.8215), (106.7080, 20.8130), (106.7230, 20.8080),
       (106.7370, 20.8010), (106.7510, 20.7890),
      (106.7740, 20.7720)),
     (105, 110, 120, 130, 140, 150, 160, 165, 170, 180, 190, 210, 240, 270, 330, 700)),
)  # fmt: skip

LAKES: tuple[tuple[str, tuple[Point, ...], float], ...] = (
    ("Hồ Tam Bạc", ((106.6722, 20.8588), (106.6750, 20.8587), (106.6780, 20.8580)), 110.0),
    ("Hồ Phương Lưu", ((106.7215, 20.8525), (106.7235, 20.8505)), 170.0),
    ("Hồ An Biên", ((106.6905, 20.8498), (106.6918, 20.8482)), 140.0),
    ("Hồ Sen", ((106.6758, 20.8478), (106.6764, 20.8466)), 90.0),
)

GREEN_STRIP: tuple[Point, ...] = (
    (106.6785, 20.8583),
    (106.6815, 20.8577),
    (106.6850, 20.8592),
    (106.6880, 20.8618),
    (106.6890, 20.8650),
)

SEA: tuple[Point, ...] = (
    (107.3500, 20.9800), (107.1000, 20.9500), (106.9000, 20.9050), (106.8400, 20.8900), (106.7950, 20.8720),
     (106.7830, 20.8560), (106.7960, 20.8400), (106.8180, 20.8290),
    (106.8390, 20.8150), (106.8370, 20.8010), (106.8150, 20.8020), (106.7950, 20.8060), (106.7800, 20.7970),
     (106.7700, 20.7840), (106.7600, 20.7700),
    (106.7590, 20.7560), (106.7720, 20.7410), (106.7850, 20.7280), (106.7960, 20.7150), (106.8030, 20.7000),
     (106.8090, 20.6850), (106.8000, 20.6780),
    (106.7900, 20.6850), (106.7780, 20.6940), (106.7650, 20.7010), (106.7500, 20.7040), (106.7250, 20.7000),
     (106.6900, 20.6880), (106.6500, 20.6700),
    (106.6100, 20.6450), (106.5700, 20.6000), (106.5600, 20.3500), (107.3500, 20.3500), (107.3500, 20.7400),
     (107.0500, 20.7500), (106.9700, 20.7700), (106.9100, 20.7740), (106.8830, 20.7860), (106.9050, 20.8080),
    (106.9700, 20.8160), (107.1000, 20.8500), (107.3500, 20.8700),
)  # fmt: skip

OUTLINE: tuple[Point, ...] = (
    (106.5430, 20.9350), (106.7600, 20.9350), (106.7950, 20.8700), (106.8900, 20.8350), (106.8950, 20.7830),
     (106.8150, 20.8010), (106.7800, 20.7960),
    (106.7600, 20.7700), (106.7590, 20.7560), (106.7850, 20.7280), (106.8020, 20.6960), (106.8030, 20.6830),
     (106.7700, 20.7030), (106.7330, 20.7010),
    (106.6300, 20.7000), (106.5430, 20.7500),
)  # fmt: skip

AREAS: tuple[tuple[str, str, tuple[Point, ...]], ...] = (
    ("port", "Cảng Hoàng Diệu", ((106.6885, 20.8690), (106.7000, 20.8700), (106.7130, 20.8728),
     (106.7120, 20.8706), (106.7000, 20.8684), (106.6890, 20.8674))),
    ("port", "Cảng Chùa Vẽ", ((106.7240, 20.8740), (106.7370, 20.8735), (106.7470, 20.8685), (106.7430, 20.8640),
     (106.7330, 20.8695), (106.7245, 20.8712))),
    ("port", "Cảng Đình Vũ", ((106.7660, 20.8545), (106.7850, 20.8400), (106.8040, 20.8300), (106.8000, 20.8265),
     (106.7830, 20.8360), (106.7660, 20.8495))),
    ("port", "Cảng Tân Vũ", ((106.8080, 20.8290), (106.8320, 20.8180), (106.8270, 20.8110), (106.8090, 20.8190))),
    ("industrial", "Khu công nghiệp Nomura – Hải Phòng", ((106.5550, 20.8860), (106.5910, 20.8825),
     (106.5930, 20.8975), (106.5580, 20.8995))),
    ("industrial", "Khu công nghiệp Tràng Duệ", ((106.5670, 20.8590), (106.5970, 20.8630), (106.5970, 20.8780),
     (106.5690, 20.8800))),
    ("industrial", "Khu công nghiệp VSIP Hải Phòng", ((106.7070, 20.8820), (106.7340, 20.8890),
     (106.7310, 20.9130), (106.7060, 20.9110))),
    ("industrial", "Khu công nghiệp Đình Vũ", ((106.7630, 20.8390), (106.7970, 20.8150), (106.8090, 20.8190),
     (106.7720, 20.8480))),
    ("industrial", "Khu công nghiệp Đồ Sơn", ((106.7410, 20.7330), (106.7570, 20.7190), (106.7670, 20.7270),
     (106.7480, 20.7460))),
    ("industrial", "Sân bay Cát Bi", ((106.7080, 20.8215), (106.7400, 20.8120), (106.7425, 20.8180),
     (106.7170, 20.8252))),
    ("park", "Công viên Rồng Biển", ((106.7080, 20.8462), (106.7130, 20.8490), (106.7118, 20.8512),
     (106.7068, 20.8485))),
    ("park", "Núi Thiên Văn", ((106.6190, 20.8010), (106.6240, 20.8030), (106.6220, 20.8060), (106.6175, 20.8040))),
    ("park", "Đồi Rồng – Đồ Sơn", ((106.7890, 20.7060), (106.7960, 20.7050), (106.8000, 20.6960), (106.7940, 20.6980))),
    ("park", "Quảng trường Trung tâm Bắc sông Cấm", ((106.6840, 20.8815), (106.6865, 20.8815), (106.6872, 20.8860),
     (106.6847, 20.8860))),
)  # fmt: skip

# Streets whose part over water is drawn as a bridge, and the bridge's name, in order from the street's start.
BRIDGES: dict[str, tuple[str, ...]] = {
    "Cầu Bính": ("Cầu Bính",),
    "Hoàng Văn Thụ": ("Cầu Hoàng Văn Thụ",),
    "Bạch Đằng": ("Cầu Lạc Long",),
    "Tôn Đức Thắng": ("Cầu An Dương",),
    "Trần Nguyên Hãn": ("Cầu Niệm",),
    "Lạch Tray": ("Cầu Rào",),
    "Võ Nguyên Giáp": ("Cầu Rào 2",),
    "Quốc lộ 10 Thủy Nguyên": ("Cầu Kiền",),
    "Cao tốc Hà Nội – Hải Phòng": ("Cầu Lạch Tray cao tốc",),
    "Cầu Tân Vũ – Lạch Huyện": ("Cầu Tân Vũ – Lạch Huyện",),
}

SUBSTATIONS = tuple(
    Site(f"Trạm 110 kV {name}", lon, lat)
    for name, lon, lat in (
        ("Đồ Sơn", 106.7750, 20.7150), ("An Lão", 106.5900, 20.7850), ("Dương Kinh", 106.7000, 20.8000),
        ("Kiến An", 106.6300, 20.8130), ("Kiến Thụy", 106.6700, 20.7700), ("Hòa Nghĩa", 106.7120, 20.7730),
        ("Nomura", 106.5750, 20.8920), ("Tràng Duệ", 106.5850, 20.8690), ("An Dương", 106.6150, 20.8600),
        ("Hợp Đức", 106.7506, 20.7513), ("Thủy Nguyên", 106.6700, 20.9100), ("Bắc Sông Cấm", 106.6880, 20.8880),
        ("VSIP", 106.7200, 20.8990), ("Vĩnh Niệm", 106.6650, 20.8390), ("Lê Chân", 106.6760, 20.8500),
        ("Cửa Cấm", 106.6850, 20.8640), ("Lạch Tray", 106.6900, 20.8460), ("Máy Tơ", 106.7000, 20.8626),
        ("Hạ Lũng", 106.7250, 20.8450), ("Chùa Vẽ", 106.7300, 20.8640), ("Đình Vũ", 106.7850, 20.8280),
    )
)  # fmt: skip

SITES = (
    Site("Nhà hát lớn", 106.6818, 20.8581), Site("Ga Hải Phòng", 106.6875, 20.8557), Site("Sân bay Cát Bi",
     106.7249, 20.8235),
    Site("Cảng Hoàng Diệu số 1", 106.6925, 20.8677), Site("Cảng Hoàng Diệu số 2", 106.7050, 20.8695),
     Site("Cảng Chùa Vẽ số 1", 106.7330, 20.8690),
    Site("Cảng Đình Vũ số 1", 106.7830, 20.8365), Site("Cảng Tân Vũ số 1", 106.8090, 20.8200),
     Site("Sân vận động Lạch Tray", 106.6905, 20.8455),
    Site("Bệnh viện Việt Tiệp", 106.6790, 20.8560), Site("Chợ Sắt", 106.6712, 20.8600), Site("Bảo tàng Hải Phòng",
     106.6835, 20.8628),
    Site("Nomura số 1", 106.5890, 20.8835), Site("Nomura số 2", 106.5740, 20.8860), Site("Tràng Duệ số 1", 106.5960,
     20.8640),
    Site("Tràng Duệ số 2", 106.5830, 20.8615), Site("VSIP số 1", 106.7075, 20.8915), Site("VSIP số 2", 106.7260,
     20.8975),
    Site("Khu công nghiệp Đồ Sơn số 1", 106.7570, 20.7345), Site("Đình Vũ số 1", 106.7700, 20.8400),
)  # fmt: skip
