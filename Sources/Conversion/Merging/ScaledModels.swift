internal import Checkpoints
package import KeyLayouts
package import TensorCore

extension ReadModel {
  /// The model with scales multiplied into weights: what is computed with are weights, not the
  /// numbers that stand for them.
  ///
  /// - Parameters:
  ///   - overrides: what the user states about the model.
  ///   - isWanted: whether to multiply a weight of a component and shape; it gets float32.
  /// - Throws: `LayoutError`, with the checkpoint's path, when a scale does not fit its weight.
  package func multiplyingScales(
    overrides: ConfigurationOverrides = ConfigurationOverrides(),
    where isWanted: (Component?, TensorShape) -> Bool = { _, _ in true }
  ) throws(LayoutError) -> ReadModel {
    let tensors = checkpoint.source.tensors
    let entries = (try? reading.get())?.ledger.entries
    let ledger = try Ledger.keeping(tensors).applyingScales(origin: checkpoint.path) { target in
      let component = target.recipe.sources.first.flatMap { entries?[$0].component }
      return isWanted(component, target.description.shape)
    }
    guard ledger.appliesScales else { return self }
    var metadata = checkpoint.metadata
    metadata[StoredForms.accountKey] = nil
    return ReadModel(
      checkpoint.replacing(MappedTensors(checkpoint.checkedSource, by: ledger), metadata: metadata),
      overrides: overrides, averages: averages)
  }
}

extension ConversionError {
  /// A weight cannot be computed with because its numbers do not stand for themselves.
  static func stored(
    _ tensor: TensorDescription, as form: StoredForm, origin: String
  ) -> ConversionError {
    ConversionError(
      path: origin,
      problem: form.isMultipliable
        ? "tensor '\(tensor.name)' is \(tensor.elementType) with a scale beside it: --dtype f16 "
          + "multiplies it in"
        : "tensor '\(tensor.name)' is stored as \(form.title), which cannot be computed with")
  }
}
