internal import Checkpoints
internal import KeyLayouts
internal import TensorCore

/// A component taken from another file.
struct Graft {
  /// The file's tensors.
  let source: any TensorSource
  /// The account of them: the component under canonical names, everything else left behind.
  let ledger: Ledger
  /// The component's configuration.
  let configuration: JSONObject?

  /// - Throws: the reader's error, and `LayoutError` when the file has no such component or not the
  ///   whole of it.
  init(of component: Component, from path: String) throws {
    let model = try ModelReader.open(path: path)
    let reading = try model.reading.get()
    guard reading.components.contains(component) else {
      throw LayoutError(.absent([component]), origin: path)
    }
    try reading.requireWhole(of: [component], origin: path)
    source = model.checkpoint.checkedSource
    ledger = reading.ledger.dropping {
      $0.description.name.hasPrefix(component.prefix) ? nil : "not the \(component.title)"
    }
    configuration = reading.configurations[component.rawValue]
  }
}
