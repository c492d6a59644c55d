#include "text.h"

#include <limits>

#include "fix.h"

namespace raziel {

bool isPlainUtf8(Bytes text) {
  const uint8_t* at = text.data;
  const uint8_t* const end = at + text.size;
  while (at != end) {
    if (end - at >= 8) {
      uint64_t eight;
      std::memcpy(&eight, at, 8);
      if ((eight & 0x8080808080808080u) == 0) {
        at += 8;
        continue;
      }
    }
    const uint8_t lead = *at++;
    if (lead < 0x80) continue;
    uint32_t more;
    uint32_t codePoint;
    uint32_t least;
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1, codePoint = lead & 0x1f, least = 0x80;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2, codePoint = lead & 0x0f, least = 0x800;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3, codePoint = lead & 0x07, least = 0x10000;
    } else {
      return false;
    }
    if (uint32_t(end - at) < more) return false;
    for (; more > 0; --more, ++at) {
      if ((*at & 0xc0) != 0x80) return false;
      codePoint = (codePoint << 6) | (*at & 0x3f);
    }
    const bool surrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
    if (codePoint < least || codePoint > 0x10ffff || surrogate || codePoint == 0xfffd) return false;
  }
  return true;
}

bool isTag(Bytes text) {
  return text.size >= 1 && text.size <= kTagBytesMax && std::memchr(text.data, ',', text.size) == nullptr &&
         isPlainUtf8(text);
}

namespace {

constexpr double kUnknownTime = std::numeric_limits<double>::quiet_NaN();

/** Reads digits and signs from the front of a text; once one is not there, `ok` is false. */
struct Scanner {
  const uint8_t* at;
  const uint8_t* end;
  bool ok = true;

  bool next(char c) {
    if (at == end || *at != uint8_t(c)) return false;
    ++at;
    return true;
  }
  void expect(char c) { ok = ok && next(c); }
  bool digit() const { return at != end && *at >= '0' && *at <= '9'; }
  int number(int digits) {
    int value = 0;
    for (; digits > 0; --digits) {
      if (!digit()) {
        ok = false;
        return 0;
      }
      value = value * 10 + (*at++ - '0');
    }
    return value;
  }
};

/** Days from 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
int64_t daysFromCivil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t yearOfEra = year - era * 400;
  const int64_t dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

int daysInMonth(int year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

}  // namespace

double parseIsoTime(Bytes text) {
  Scanner in{text.data, text.data + text.size};
  const int year = in.number(4);
  in.expect('-');
  const int month = in.number(2);
  in.expect('-');
  const int day = in.number(2);
  in.expect('T');
  const int hour = in.number(2);
  in.expect(':');
  const int minute = in.number(2);
  int second = 0;
  int ms = 0;
  if (in.ok && in.next(':')) {
    second = in.number(2);
    if (in.ok && in.next('.')) {
      if (!in.digit()) return kUnknownTime;
      for (int scale = 100; in.digit(); scale /= 10) ms += in.number(1) * scale;
    }
  }
  int offsetMinutes = 0;
  if (in.ok && !in.next('Z')) {
    const bool west = in.next('-');
    if (!west) in.expect('+');
    const int hours = in.number(2);
    in.next(':');
    const int minutes = in.number(2);
    if (hours > 23 || minutes > 59) return kUnknownTime;
    offsetMinutes = (west ? -1 : 1) * (hours * 60 + minutes);
  }
  if (!in.ok || in.at != in.end) return kUnknownTime;
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return kUnknownTime;
  if (hour > 23 || minute > 59 || second > 59) return kUnknownTime;
  const int64_t minutes = daysFromCivil(year, month, day) * 1440 + hour * 60 + minute - offsetMinutes;
  return double((minutes * 60 + second) * 1000 + ms);
}

}  // namespace raziel
