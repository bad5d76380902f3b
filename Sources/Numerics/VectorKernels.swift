internal import CKernels
internal import TensorCore

/// The C loops for one instruction set. All sets give the same bits.
struct VectorKernels: Sendable {
  typealias Elementwise =
    @convention(c) (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void
  typealias Affine =
    @convention(c) (
      UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int, Float, Float
    ) -> Void

  let softmaxStep:
    @convention(c) (
      UnsafeMutablePointer<Float>?, Int, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?
    ) -> Float
  let affine, affineSiLU: Affine
  let quickGELU, gelu: Elementwise
  let geglu:
    @convention(c) (
      UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int
    ) -> Void
  let winogradInput:
    @convention(c) (
      UnsafePointer<Float>?, Int, UnsafeMutablePointer<Float>?, Int, Int,
      UnsafeMutablePointer<Float>?
    ) -> Void
  let winogradOutput:
    @convention(c) (
      UnsafePointer<Float>?, Int, Int, Float, UnsafeMutablePointer<Float>?, Int, Int
    ) -> Void
  let winogradFilter:
    @convention(c) (UnsafePointer<Float>?, Int, UnsafeMutablePointer<Float>?, Int) -> Void

  /// The loops for this processor.
  static let current = VectorKernels(Processor.instructionSet)

}

extension VectorKernels {
  /// The loops for one instruction set, which the processor must have.
  init(_ instructions: Processor.InstructionSet) {
    #if arch(x86_64)
      switch instructions {
      case .avx512:
        self.init(
          softmaxStep: assay_softmax_step_avx512, affine: assay_affine_avx512,
          affineSiLU: assay_affine_silu_avx512, quickGELU: assay_quick_gelu_avx512,
          gelu: assay_gelu_avx512, geglu: assay_geglu_avx512,
          winogradInput: assay_winograd_input_avx512,
          winogradOutput: assay_winograd_output_avx512,
          winogradFilter: assay_winograd_filter_avx512)
        return
      case .avx2:
        self.init(
          softmaxStep: assay_softmax_step_avx2, affine: assay_affine_avx2,
          affineSiLU: assay_affine_silu_avx2, quickGELU: assay_quick_gelu_avx2,
          gelu: assay_gelu_avx2, geglu: assay_geglu_avx2,
          winogradInput: assay_winograd_input_avx2, winogradOutput: assay_winograd_output_avx2,
          winogradFilter: assay_winograd_filter_avx2)
        return
      case .portable: break
      }
    #endif
    self.init(
      softmaxStep: assay_softmax_step, affine: assay_affine, affineSiLU: assay_affine_silu,
      quickGELU: assay_quick_gelu, gelu: assay_gelu, geglu: assay_geglu,
      winogradInput: assay_winograd_input, winogradOutput: assay_winograd_output,
      winogradFilter: assay_winograd_filter)
  }
}
