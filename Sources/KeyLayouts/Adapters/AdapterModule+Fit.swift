internal import TensorCore

extension AdapterModule {
  /// The first thing that keeps the module from changing a layer; `nil` when it fits.
  ///
  /// A layer without weight or bias is no misfit: what is for the missing tensor is left over.
  public func misfit(in file: AdapterFile, on target: AdapterTargets.Target) -> AdapterError? {
    if let bias, let expected = target.bias {
      let found = file.tensors[bias].shape
      if found.elementCount != expected.shape.elementCount {
        return error("\(found)", on: expected, file)
      }
    }
    guard let change, let weight = target.weight else { return nil }
    let rows = weight.shape.dimensions.first ?? 1
    let columns = rows == 0 ? 0 : weight.shape.elementCount / rows
    let found = extents(in: file) ?? (-1, -1)
    var isOfInputs = true
    if case .generalised(_, let product) = change {
      isOfInputs =
        file.tensors[product.right].shape[1] == (weight.shape.rank > 1 ? weight.shape[1] : 0)
    }
    guard isOfInputs, found == (rows, columns) else {
      return error("\(found.rows) × \(found.columns) values", on: weight, file)
    }
    return misfitOfMagnitudes(on: weight, file)
  }

  /// The rows of what the module adds to a weight, and everything else in one: inputs times kernel;
  /// `nil` where it changes no weight, or the numbers are beyond counting.
  func extents(in file: AdapterFile) -> (rows: Int, columns: Int)? {
    switch change {
    case .lowRank(let product), .hadamard(let product, _), .generalised(_, let product):
      return (product.rows, product.columns)
    case .kronecker(let first, let second):
      let (rows, tooMany) = first.rows.multipliedReportingOverflow(by: second.rows)
      let (columns, tooWide) = first.columns.multipliedReportingOverflow(by: second.columns)
      return tooMany || tooWide ? nil : (rows, columns)
    case .difference(let place):
      let shape = file.tensors[place].shape
      let rows = shape.dimensions.first ?? 1
      return (rows, rows == 0 ? 0 : shape.elementCount / rows)
    case nil: return nil
    }
  }

  /// Whether the layer has a kernel of more than one place.
  public func isKernel(in file: AdapterFile) -> Bool {
    parts.values.contains { file.tensors[$0].shape.dimensions.dropFirst(2).contains { $0 > 1 } }
  }

  /// Whether DoRA's magnitudes are one a row: PEFT's are whatever their shape; LyCORIS writes
  /// `[out, 1…]`, and before version 2 `[1, in, 1…]`.
  public func hasRowMagnitudes(in file: AdapterFile) -> Bool {
    guard let magnitude else { return false }
    guard parts[.magnitude] == nil else { return true }
    let shape = file.tensors[magnitude].shape
    return shape.rank < 2 || shape[0] == shape.elementCount
  }

  private func misfitOfMagnitudes(
    on weight: TensorDescription, _ file: AdapterFile
  ) -> AdapterError? {
    guard let magnitude else { return nil }
    let found = file.tensors[magnitude]
    let isByRow = hasRowMagnitudes(in: file)
    let expected = isByRow ? weight.shape[0] : weight.shape.rank > 1 ? weight.shape[1] : 0
    return found.shape.elementCount == expected
      ? nil
      : AdapterError(
        .misfit(
          found.name, found: found.shape,
          expected: "\(expected) magnitudes, one for each \(isByRow ? "output" : "input")"))
  }

  private func error(
    _ found: String, on target: TensorDescription, _ file: AdapterFile
  ) -> AdapterError {
    AdapterError(
      .otherShape(
        module: name.path, found: found, target: target.name, expected: target.shape,
        hint: file.hint))
  }
}
