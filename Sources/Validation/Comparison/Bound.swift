internal import Foundation

/// What a comparison must reach to pass.
public enum Bound: Sendable, Hashable {
  /// Every value equal.
  case identical
  /// The largest absolute error, as a part of the largest recorded magnitude.
  case relativeError(Double)
  /// For 8-bit pictures: at least this ratio, and no channel of a pixel further off.
  case picture(peakSignalToNoise: Double, channelDifference: Int)

  /// Whether a comparison passes.
  public func accepts(_ comparison: Comparison) -> Bool {
    guard comparison.nonFiniteCount == 0 else { return false }
    return switch self {
    case .identical: comparison.maxAbsoluteError == 0
    case .relativeError(let bound): comparison.relativeError <= bound
    case .picture(let ratio, let difference):
      comparison.maxAbsoluteError <= Double(difference)
        && comparison.peakSignalToNoise.map { $0 >= ratio } ?? false
    }
  }
}

extension Bound: CustomStringConvertible {
  /// The bound as reports show it: `relative error <= 1e-05`.
  public var description: String {
    switch self {
    case .identical: "identical"
    case .relativeError(let bound): "relative error <= \(String(format: "%.0e", bound))"
    case .picture(let ratio, let difference):
      "PSNR >= \(String(format: "%.0f", ratio)) dB, max abs <= \(difference)"
    }
  }
}

/// The bounds of every component: float32 against float32, two implementations that add in
/// different orders. `Docs/validate.md` gives the reasons.
extension Bound {
  /// Token ids are integers: there is nothing to round.
  public static let tokenizer = Bound.identical
  /// Twelve layers of width 768 in another order of summation stay well below.
  public static let textEncoder = Bound.relativeError(1e-5)
  /// One evaluation passes some sixty blocks.
  public static let unet = Bound.relativeError(5e-5)
  /// Group norms over whole feature maps and the exponent-free output leave the widest spread.
  public static let vae = Bound.relativeError(1e-4)
  /// Given noise predictions, a step is a few multiplications in double precision or float32.
  public static let scheduler = Bound.relativeError(1e-6)
  /// Roundings of a run add up, and not ours alone: torch 2.15's float32 square root, which every
  /// step uses, is a unit off in 17 of 100 values. 59 steps came to 1.2e-6.
  public static let wholeTrajectory = Bound.relativeError(1e-5)
  /// Equal to the bit where torch ran on a processor with AVX2; elsewhere torch takes another
  /// library's logarithm and cosine: four units in the last place, a part of 5e-7.
  public static let initialNoise = Bound.relativeError(1e-6)
  /// A guidance of 7.5 takes 6.5 times one noise from 7.5 times another: 14 times the U-Net's
  /// error, so its whole bound would come to 7e-4. Sound U-Nets stay below a tenth of theirs.
  public static let finalLatents = Bound.relativeError(1e-4)
  /// The 8-bit picture of a whole run with the same seed.
  public static let picture = Bound.picture(peakSignalToNoise: 60, channelDifference: 2)
}
