"""The 12 digits of a citizen: what they say, and whether a document agrees with them.

3 digits of province (or country) of birth registration, 1 of century and sex, 2 of birth year,
6 random; no check digit. Decree 137/2015/NĐ-CP, article 13; Circular 59/2021/TT-BCA, article 4.
"""

from __future__ import annotations

import re

from identity.flags import Flag

NUMBER = re.compile(r"[0-9]{12}")

# Circular 07/2016/TT-BCA, annex 1; the mergers of 2025 left the numbers as they are
_PROVINCES = frozenset(
    f"{code:03}"
    for code in (
        *(1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34),
        *(35, 36, 37, 38, 40, 42, 44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67),
        *(68, 70, 72, 74, 75, 77, 79, 80, 82, 83, 84, 86, 87, 89, 91, 92, 93, 94, 95, 96),
    )
)
_FIRST_COUNTRY = "100"  # codes from here on are countries of birth, annex 2


def contradictions(number: str, birth_date: str | None, sex: str | None) -> list[Flag]:
    """What `number` (12 digits) says otherwise than the document does.

    `birth_date` is ISO 8601, perhaps cut short; what the document doesn't state is not compared.
    """
    century_and_sex = int(number[3])  # 0 man and 1 woman of 19xx, 2 and 3 of 20xx ...
    born = f"{19 + century_and_sex // 2}{number[4:6]}"
    found = []
    if number[:3] not in _PROVINCES and number[:3] < _FIRST_COUNTRY:
        found.append(Flag.PROVINCE_UNKNOWN)
    if birth_date is not None and birth_date[:4] != born:
        found.append(Flag.BIRTH_YEAR_DIFFERS)
    if sex is not None and sex != ("male", "female")[century_and_sex % 2]:
        found.append(Flag.SEX_DIFFERS)
    return found
