extension Unpickler {
  /// Why a call is not one that makes plain data of plain data; `nil` when it is.
  ///
  /// A call counts when the machine itself made its value, which it does for torch's builders and
  /// Python's plain types only, and when its arguments have the form in which the libraries write
  /// them. Every value is then made of constants and of such calls: that is the proof.
  func proofGap(
    _ callee: PickleValue, _ arguments: [PickleValue]?, _ keywords: PickleValue?,
    result: PickleValue
  ) -> String? {
    let text = subject(of: callee).text
    guard case .global(let index) = callee else { return "the result of \(text) is called" }
    guard case .callable(let callable)? = heap.globals[index].known else {
      return "\(text) is called"
    }
    guard let arguments else { return "\(text) is called with computed arguments" }
    if case .object = result { return "\(text) is called with unusual arguments" }
    switch callable {
    case .rebuildTensorV2, .rebuildTensorV3:
      // requires_grad, then the hooks to be called in the backward pass: always empty.
      guard arguments.count >= 6, case .bool = arguments[4],
        case .dictionary(let hooks) = arguments[5],
        heap.dictionaries[hooks].entries.isEmpty
      else { return "\(text) is called with hooks or unusual arguments" }
    case .rebuildTensor:
      guard arguments.count == 4 else { return "\(text) is called with unusual arguments" }
    case .defaultDictionary:
      switch arguments.first {
      case nil, .none?: break
      case .global(let factory)? where Self.isPlainType(heap.globals[factory].known): break
      default: return "\(text) is given a factory that is no plain type"
      }
    default: break
    }
    return nil
  }

  private static func isPlainType(_ known: KnownGlobal?) -> Bool {
    switch known {
    case .callable(.dictionary), .callable(.list), .callable(.set), .callable(.integer),
      .callable(.float), .callable(.string), .callable(.tuple), .callable(.bool),
      .callable(.orderedDictionary):
      true
    default: false
    }
  }
}
