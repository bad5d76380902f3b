extension LayoutReading {
  /// Why averages of weights are left behind, as the ledger says it.
  package static let averageReason = LeftBehind.emaCopy

  /// The dictionary of averages that a tensor is in, by its name: `params_ema`; `nil` for others.
  package static func averagesModule(of name: String) -> String? {
    LeftBehind.averagesModule(of: name)
  }
}
