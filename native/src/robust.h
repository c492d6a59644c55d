// On which side of a line a point lies, decided exactly: a floating-point filter first, exact expansion arithmetic where it fails.
//
// After Jonathan Richard Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates",
// Discrete & Computational Geometry 18 (1997): the filter is his `ccwerrboundA`; the exact part sums the determinant as a
// nonoverlapping expansion (his Two-Sum, Two-Product, Grow-Expansion and Scale-Expansion) without the stages in between, because
// a lookup that gets there is rare.
//
//   orientSign(0, 0, 2, 2, 1, 1.0000000000000002)  //  1: left of the line, counter-clockwise
//   orientSign(0, 0, 2, 2, 1, 1)                   //  0: exactly on it
//
// Exact as long as nothing under- or overflows: for coordinates of up to 1e100 whose differences are 0 or above 1e-140.
// It needs plain IEEE doubles: compile with -ffp-contract=off and never with -ffast-math. No state; any thread.

#pragma once

#include <cmath>

#if defined(__FAST_MATH__)
#error "robust.h needs IEEE arithmetic: compile without -ffast-math"
#endif

namespace raziel::robust {

/** A longitude that is the exact sum of two doubles, as a position moved by a whole turn may be. */
struct Sum {
  double high;
  double low;
};

/** a + b exactly: the rounded sum and what rounding lost. */
inline Sum twoSum(double a, double b) {
  const double sum = a + b;
  const double bVirtual = sum - a;
  return {sum, (a - (sum - bVirtual)) + (b - bVirtual)};
}

namespace detail {

inline Sum split(double a) {
  const double c = 134217729.0 * a;  // 2^27 + 1
  const double high = c - (c - a);
  return {high, a - high};
}

inline Sum twoProduct(double a, double b) {
  const double product = a * b;
  const Sum x = split(a);
  const Sum y = split(b);
  return {product, x.low * y.low - (((product - x.high * y.high) - x.low * y.high) - x.high * y.low)};
}

/** A sum of doubles held exactly: nonoverlapping components, smallest first. Room for the 24 that a determinant needs at most. */
struct Expansion {
  double parts[24];
  int count = 0;

  void add(double value) {  // Grow-Expansion
    int kept = 0;
    for (int i = 0; i < count; i++) {
      const Sum sum = twoSum(value, parts[i]);
      value = sum.high;
      if (sum.low != 0) parts[kept++] = sum.low;
    }
    if (value != 0) parts[kept++] = value;
    count = kept;
  }

  void addProduct(const Expansion& a, const Expansion& b, double sign) {
    for (int i = 0; i < a.count; i++) {
      for (int j = 0; j < b.count; j++) {
        const Sum product = twoProduct(a.parts[i], b.parts[j]);
        add(sign * product.low);
        add(sign * product.high);
      }
    }
  }

  int sign() const { return count == 0 ? 0 : (parts[count - 1] > 0 ? 1 : -1); }
};

inline Expansion difference(Sum a, double b) {
  Expansion e;
  e.add(a.low);
  e.add(a.high);
  e.add(-b);
  return e;
}

}  // namespace detail

/** As `orientSign`, always by exact arithmetic, and with longitudes of a and b that may be sums. */
[[gnu::noinline]] inline int orientSignExact(Sum ax, double ay, Sum bx, double by, double cx, double cy) {
  detail::Expansion determinant;
  determinant.addProduct(detail::difference(ax, cx), detail::difference({by, 0}, cy), 1);
  determinant.addProduct(detail::difference({ay, 0}, cy), detail::difference(bx, cx), -1);
  return determinant.sign();
}

/** 1 when c lies left of the line from a to b (counter-clockwise), −1 when right of it, 0 when exactly on it. */
inline int orientSign(double ax, double ay, double bx, double by, double cx, double cy) {
  constexpr double kErrorBound = 3.3306690738754716e-16;  // (3 + 16 e) e with e = 2^-53
  const double left = (ax - cx) * (by - cy);
  const double right = (ay - cy) * (bx - cx);
  const double determinant = left - right;
  const double bound = kErrorBound * (std::fabs(left) + std::fabs(right));
  if (determinant > bound) return 1;
  if (-determinant > bound) return -1;
  return orientSignExact({ax, 0}, ay, {bx, 0}, by, cx, cy);
}

}  // namespace raziel::robust
