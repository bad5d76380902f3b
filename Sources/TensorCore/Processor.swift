internal import CKernels

#if canImport(Glibc)
  internal import Glibc
#endif

/// The instruction sets that kernels are chosen by at run time.
public enum Processor {
  /// A set of instructions, each including the ones before it.
  public enum InstructionSet: Int, Sendable, Comparable, CaseIterable {
    /// What every processor has; the Swift loops.
    case portable
    /// AVX2, FMA and F16C.
    case avx2
    /// AVX-512 F, BW, DQ and VL.
    case avx512

    /// Orders the sets from narrow to wide.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  /// The widest set that the processor has.
  public static let supported: InstructionSet =
    if assay_cpu_has_avx512() {
      .avx512
    } else if assay_cpu_has_avx2_fma_f16c() {
      .avx2
    } else {
      .portable
    }

  /// The set that kernels use: the widest one, or less when the environment variable
  /// `ASSAY_INSTRUCTION_SET` says `portable`, `avx2` or `avx512` (for tests and comparisons).
  public static let instructionSet: InstructionSet = {
    guard let value = unsafe getenv("ASSAY_INSTRUCTION_SET") else { return supported }
    let name = unsafe String(cString: value)
    let wanted = InstructionSet.allCases.first { "\($0)" == name }
    return min(wanted ?? supported, supported)
  }()
}
