internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

extension ReadModel {
  /// Why an average is left out of the result, where the user has said what becomes of them.
  func averageRefusal(of name: String) -> String? {
    averages != nil && Average.isOne(name) ? LayoutReading.averageReason : nil
  }

  /// An account of the tensors with the names that the file gives, which says of averages whether
  /// they stand for weights.
  func account(_ ledger: Ledger) -> Ledger {
    let noted = namesBefore.map(ledger.noting) ?? ledger
    return noted.noting(
      reason: LayoutReading.averageReason + " in the place of a weight", at: usedAverages)
  }

  /// Refuses to write a model whose U-Net is there as averages alone, without them.
  ///
  /// - Parameters:
  ///   - ledger: what becomes of the tensors.
  ///   - components: those that are asked for; none for all.
  /// - Throws: `ConversionError` that names the option.
  func requireWeights(_ ledger: Ledger, of components: [Component]) throws(ConversionError) {
    guard components.isEmpty || components.contains(.unet),
      let reading = try? reading.get(), !reading.components.contains(.unet)
    else { return }
    let lost = ledger.entries.filter { entry in
      guard case .ignored(LayoutReading.averageReason) = entry.fate else { return false }
      return Average(NameCleaning.clean(entry.source.name))?.weight != nil
    }
    guard let first = lost.first else { return }
    throw ConversionError(
      path: checkpoint.path,
      problem: "the U-Net is there as averages alone (\(lost.count) tensors, first "
        + "'\(first.source.name)'), which would be left behind: --ema only takes them")
  }
}
