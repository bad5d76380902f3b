/// Box and Muller's transformation as ATen's vector code computes it, to the bit.
///
/// `torch.randn` of 16 values or more goes through `normal_fill` and `avx_mathfun.h` (Pommier and
/// Garberoglio's vector form of Cephes' `logf`, `sinf` and `cosf`) on every processor with AVX2, and
/// on those with AVX-512 too. Only processors without AVX2 take the mathematics library instead and
/// differ by units in the last place; so the result here is the one that nearly everybody sees.
/// PyTorch's releases are compiled by GCC, which fuses a product into the sum that follows it
/// wherever the source does not forbid it. Which of them are fused is part of the result:
/// `addingProduct` below stands where their machine code has a fused instruction.
enum BoxMuller {
  /// Two independent standard normal values from two uniform ones.
  ///
  /// - Parameters:
  ///   - u1: in [0, 1), gives the radius.
  ///   - u2: in [0, 1), gives the angle.
  static func transform(_ u1: Float, _ u2: Float) -> (Float, Float) {
    let radius = (-2 * logarithm(1 - u1)).squareRoot()
    let (sine, cosine) = sineAndCosine(Float(2 * Double.pi) * u2)
    // Times the deviation 1, plus the mean 0, which leaves no negative zero.
    return (radius * cosine + 0, radius * sine + 0)
  }

  /// `log256_ps` for a normal number above zero.
  static func logarithm(_ value: Float) -> Float {
    var exponent = Float(Int(value.bitPattern >> 23) - 126)
    var x = Float(bitPattern: value.bitPattern & 0x007F_FFFF | 0x3F00_0000)
    // Into √½…√2, less 1.
    let isSmall = x < 0.707106781186547524
    let share = isSmall ? x : 0
    x -= 1
    if isSmall { exponent -= 1 }
    x += share
    let square = x * x
    var y: Float = 7.0376836292E-2
    for coefficient: Float in [
      -1.1514610310E-1, 1.1676998740E-1, -1.2420140846E-1, 1.4249322787E-1, -1.6668057665E-1,
      2.0000714765E-1, -2.4999993993E-1, 3.3333331174E-1,
    ] {
      y = coefficient.addingProduct(y, x)
    }
    y = (exponent * -2.12194440e-4).addingProduct(y * x, square)
    y -= 0.5 * square
    return (x + y).addingProduct(exponent, 0.693359375)
  }

  /// `sincos256_ps` for a number from 0 to 2π.
  static func sineAndCosine(_ angle: Float) -> (sine: Float, cosine: Float) {
    // The octant, rounded up to an even one.
    let octant = (Int32(angle * 1.27323954473516) + 1) & ~1
    let multiple = Float(octant)
    let x = angle.addingProduct(multiple, -0.78515625)
      .addingProduct(multiple, -2.4187564849853515625e-4)
      .addingProduct(multiple, -3.77489497744594108e-8)
    let square = x * x
    var even: Float = 2.443315711809948E-005
    even = Float(-1.388731625493765E-003).addingProduct(even, square)
    even = Float(4.166664568298827E-002).addingProduct(even, square)
    even = (-0.5 * square).addingProduct(even * square, square) + 1
    var odd: Float = -1.9515295891E-4
    odd = Float(8.3321608736E-3).addingProduct(odd, square)
    odd = Float(-1.6666654611E-1).addingProduct(odd, square)
    odd = x.addingProduct(odd * square, x)
    let swaps = octant & 2 != 0
    let sine = swaps ? even : odd
    let cosine = swaps ? odd : even
    return (octant & 4 != 0 ? -sine : sine, (octant &- 2) & 4 == 0 ? -cosine : cosine)
  }
}
