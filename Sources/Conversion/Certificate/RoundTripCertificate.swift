public import TensorCore

/// The statement that a conversion loses nothing, or what it loses.
public struct RoundTripCertificate: Sendable, Hashable {
  /// A tensor that does not come back as it was.
  public struct Exception: Sendable, Hashable {
    /// Its name in the source.
    public let tensor: String
    /// What is different.
    public let difference: String
  }

  /// The key of the statement in the result's metadata.
  static let key = "assay.certificate"

  /// The tensors that were compared.
  public let compared: Int
  /// How many came back under the usual one of several spellings of their names.
  public let respelled: Int
  /// Those of them that did not come back as they were.
  public let exceptions: [Exception]
  /// The number of tensors that are not in the result at all, by reason.
  public let leftBehind: [String: Int]

  /// Whether every tensor that the result holds came back as it was.
  public var isIdentical: Bool { exceptions.isEmpty }

  /// The statement in one line.
  public var statement: String {
    let tensors = "\(compared) tensor\(compared == 1 ? "" : "s")"
    let counts = isIdentical ? tensors : "\(compared - exceptions.count) of \(tensors)"
    return "converted there and back, \(counts) identical"
      + (respelled == 0 ? "" : ", \(respelled) under the usual spelling of their names")
  }

  /// The statement for machines.
  public var json: JSON {
    [
      "statement": .string(statement), "tensors": .integer(compared),
      "identical": .integer(compared - exceptions.count), "respelled": .integer(respelled),
      "exceptions": .object(
        JSONObject(exceptions.map { ($0.tensor, .string($0.difference)) })),
      "left_behind": .object(
        JSONObject(leftBehind.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })),
    ]
  }
}
