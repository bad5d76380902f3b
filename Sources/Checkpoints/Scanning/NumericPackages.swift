/// The packages that checkpoints are made with. Their parts that compute are told from all others:
/// a name that is not known is suspicious in the ones and dangerous elsewhere, where compilers,
/// loaders, launchers and test tools are.
enum NumericPackages {
  /// Why a name in torch or numpy is dangerous; `nil` in the parts that compute and for other
  /// packages.
  static func danger(of path: [String], modules: Int) -> String? {
    guard let parts = parts[path[0]] else { return nil }
    let module = path[1..<modules]
    let known = parts.filter { module.starts(with: $0) }.map(\.count).max()
    guard module.isEmpty || known != nil else { return "a part of \(path[0]) that is no data" }
    // Modules and functions that begin with an underscore are the package's own tools.
    let isTool = path[(1 + (known ?? 0))...].contains { part in
      part.hasPrefix("_") && part.unicodeScalars.dropFirst().first?.properties.isLowercase == true
    }
    return isTool ? "a private part of \(path[0])" : nil
  }

  private static let parts: [String: [[String]]] = [
    "torch": list(
      """
      nn optim functional special linalg fft amp cuda.amp distributions storage sparse nested masked
      return_types types torch_version random autograd.function quantization ao.nn ao.quantization
      distributed distributed._shard distributed._tensor utils.hooks utils.data _C._nn _C._linalg _C._special _C._fft _C._sparse _C._nested
      _utils _tensor tensor serialization _C._distributed_c10d
      """),
    "numpy": list(
      """
      core.multiarray core.numeric core.fromnumeric core.umath core._multiarray_umath core.records
      core.defchararray core.function_base core.getlimits _core.multiarray _core.numeric
      _core.fromnumeric _core.umath _core._multiarray_umath _core.records _core.defchararray
      _core.function_base _core.getlimits linalg fft ma polynomial random matrixlib rec char strings
      dtypes exceptions typing
      """),
  ]

  private static func list(_ text: String) -> [[String]] {
    text.split(whereSeparator: \.isWhitespace).map { $0.split(separator: ".").map(String.init) }
  }
}
