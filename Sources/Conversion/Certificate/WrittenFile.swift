internal import Checkpoints
internal import TensorCore

/// What has been written, opened again.
struct WrittenFile {
  private let path: String

  init(_ path: String) { self.path = path }

  /// Compares every tensor with what was to be written.
  ///
  /// - Throws: `ConversionError` when one is different or absent. What stands at the path stays.
  func compare(with expected: any TensorSource) throws {
    let written = try Checkpoint.open(path: path).source
    var places: [String: Int] = [:]
    for (place, tensor) in written.tensors.enumerated() { places[tensor.name] = place }
    for (index, tensor) in expected.tensors.enumerated() {
      // A folder of one component names its tensors without it; the reader puts it in front.
      guard let place = places[tensor.name] else {
        throw ConversionError(path: path, problem: "lacks tensor '\(tensor.name)' after writing")
      }
      let (view, planned) = (try written.tensor(at: place), try expected.tensor(at: index))
      guard view.elementType == planned.elementType, view.shape == planned.shape,
        view.countDifferent(from: planned) == 0
      else {
        throw ConversionError(
          path: path, problem: "tensor '\(tensor.name)' is not what was written: a broken disk?")
      }
    }
  }
}
