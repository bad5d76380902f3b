public import TensorCore

/// The textual inversions of a file, found by names and shapes in every form that tools write.
public struct EmbeddingFile: Sendable, Hashable {
  /// How the tensors are named.
  public let form: EmbeddingForm
  /// The embeddings: one in nearly every file.
  public let embeddings: [Embedding]
  /// Tensors that are no part of them.
  public let others: [String]
  /// Whether names or a published width prove it. A lone matrix may be anything.
  public let isCertain: Bool

  /// More vectors than anybody puts in the place of one token.
  private static let vectorLimit = 1024

  /// Looks for embeddings that are the whole file; `nil` when it is something else.
  ///
  /// - Parameters:
  ///   - tensors: the file's.
  ///   - metadata: what it says beside them, in the portable form: the token is at `values.name`.
  public init?(of tensors: [TensorDescription], metadata: JSONObject = [:]) {
    let name = metadata["values"]?["name"]?.stringValue
    guard
      let found = Self.parameters(tensors, name) ?? Self.byEncoder(tensors, name)
        ?? Self.lone(tensors, name) ?? Self.tokens(tensors)
    else { return nil }
    self = found
  }

  private init?(
    _ form: EmbeddingForm, _ embeddings: [Embedding], of tensors: [TensorDescription],
    among indices: [Int]? = nil, isCertain: Bool = true
  ) {
    let parts = embeddings.flatMap(\.parts)
    guard !parts.isEmpty, parts.allSatisfy({ $0.vectorCount <= Self.vectorLimit }) else {
      return nil
    }
    self.form = form
    self.embeddings = embeddings
    let places = Set(parts.map(\.index))
    others = (indices ?? Array(tensors.indices)).filter { index in
      // The number of the placeholder in the tokenizer that it was trained with.
      !places.contains(index) && !tensors[index].name.hasPrefix("string_to_token.")
    }.map { tensors[$0].name }
    self.isCertain = isCertain || parts.allSatisfy { $0.encoder != nil }
  }

  /// `string_to_param.*`, below `_parameters` where it was a torch module.
  private static func parameters(_ tensors: [TensorDescription], _ name: String?) -> Self? {
    let start = "string_to_param."
    let found = tensors.indices.filter { tensors[$0].name.hasPrefix(start) }
    let embeddings = found.compactMap { index -> Embedding? in
      var key = tensors[index].name.dropFirst(start.count)
      if key.hasPrefix("_parameters.") { key = key.dropFirst("_parameters.".count) }
      // The placeholder is the token where there are several, or where it is not the usual one.
      let placeholder = key == "*" ? nil : String(key)
      return Part(tensors[index], at: index).map {
        Embedding(token: found.count == 1 ? name ?? placeholder : placeholder, parts: [$0])
      }
    }
    return EmbeddingFile(.a1111, embeddings, of: tensors)
  }

  /// `clip_l`, `clip_g` and the like.
  private static func byEncoder(_ tensors: [TensorDescription], _ name: String?) -> Self? {
    EmbeddingFile(.sdxl, [Embedding(token: name, parts: labelled(tensors))], of: tensors)
  }

  /// One tensor: named after the token, or without a name of its own.
  private static func lone(_ tensors: [TensorDescription], _ name: String?) -> Self? {
    guard tensors.count == 1, let part = Part(tensors[0], at: 0) else { return nil }
    let key = tensors[0].name
    switch key {
    case "emb_params":
      return EmbeddingFile(.parameters, [Embedding(token: name, parts: [part])], of: tensors)
    case "*":
      return EmbeddingFile(.unnamed, [Embedding(token: name, parts: [part])], of: tensors)
    case "value":
      return EmbeddingFile(
        .unnamed, [Embedding(token: name, parts: [part])], of: tensors, isCertain: false)
    default:
      let isParameter = [".weight", ".bias", ".alpha"].contains { key.hasSuffix($0) }
      return isParameter
        ? nil
        : EmbeddingFile(
          .diffusers, [Embedding(token: key, parts: [part])], of: tensors,
          isCertain: isBracketed(key))
    }
  }

  /// Several tokens, which are told by their angle brackets.
  private static func tokens(_ tensors: [TensorDescription]) -> Self? {
    guard tensors.allSatisfy({ isBracketed($0.name) }) else { return nil }
    let embeddings = tensors.enumerated().compactMap { index, tensor in
      Part(tensor, at: index).map { Embedding(token: tensor.name, parts: [$0]) }
    }
    return EmbeddingFile(.diffusers, embeddings, of: tensors)
  }

  private static func isBracketed(_ name: String) -> Bool {
    name.hasPrefix("<") && name.hasSuffix(">")
  }

  private static func labelled(_ tensors: [TensorDescription]) -> [Part] {
    EmbeddingEncoder.allCases.compactMap { encoder in
      tensors.firstIndex { $0.name == encoder.rawValue }.flatMap {
        Part(tensors[$0], at: $0, label: encoder)
      }
    }
  }

  private typealias Part = Embedding.Part
}

extension EmbeddingFile {
  /// The embeddings that stand beside a LoRA: `bundle_emb.<token>.string_to_param.*`,
  /// `bundle_emb.<token>.clip_l`.
  ///
  /// - Returns: `nil` when there are none.
  public static func bundled(in tensors: [TensorDescription]) -> EmbeddingFile? {
    let start = "bundle_emb."
    let indices = tensors.indices.filter { tensors[$0].name.hasPrefix(start) }
    var tokens: [String] = []
    var parts: [String: [Part]] = [:]
    for index in indices {
      let rest = tensors[index].name.dropFirst(start.count)
      // A token may have dots in it; what follows it is one of a few words.
      for ending in [".string_to_param.*", ".emb_params"]
        + EmbeddingEncoder.allCases.map({
          "." + $0.rawValue
        }) where rest.hasSuffix(ending)
      {
        let token = String(rest.dropLast(ending.count))
        let label = EmbeddingEncoder(rawValue: String(ending.dropFirst()))
        guard let part = Part(tensors[index], at: index, label: label) else { continue }
        if parts[token] == nil { tokens.append(token) }
        parts[token, default: []].append(part)
      }
    }
    return EmbeddingFile(
      .bundled, tokens.map { Embedding(token: $0, parts: parts[$0] ?? []) }, of: tensors,
      among: indices)
  }
}
