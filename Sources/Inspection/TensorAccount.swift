internal import Checkpoints
internal import Conversion
public import KeyLayouts
public import TensorCore

/// What a tensor is where no family's table maps it: a part of a model that is recognised, of a LoRA,
/// of a textual inversion, or of nothing that anybody knows.
public struct TensorAccount: Sendable, Hashable {
  /// What it is.
  public enum Meaning: Sendable, Hashable {
    /// A part of a model that has no table here, by its title; it keeps its name.
    case kept(part: String, model: String)
    /// A part of an adapter's module.
    case module(AdapterModuleName, role: AdapterRole)
    /// The vectors of a textual inversion, for one text encoder.
    case embedding(token: String?, vectors: Int, fitting: String)
    /// No part of the adapter, for a reason.
    case besides(reason: String, isKnown: Bool)
    /// Nobody knows.
    case unknown
  }

  /// The tensor as the file describes it.
  public let tensor: TensorDescription
  /// What it is.
  public let meaning: Meaning

  /// What it is, for people.
  public var text: String {
    switch meaning {
    case .kept(let part, let model): "\(part) of \(model), kept under its own name"
    case .module(let name, let role): "\(role.rawValue) of \(name.description)"
    case .embedding(let token, let vectors, let fitting):
      "embedding\(token.map { " '\($0)'" } ?? ""), \(vectors) vector\(vectors == 1 ? "" : "s"): "
        + fitting
    case .besides(let reason, _): reason
    case .unknown: "unknown"
    }
  }

  /// The tensor and what it is, for machines.
  public var json: JSON {
    var members: JSONObject = ["source": .string(tensor.name)]
    switch meaning {
    case .kept(let part, let model):
      members["fate"] = "kept"
      members["model"] = .string(model)
      members["part"] = .string(part)
    case .module(let name, let role):
      members["fate"] = "module"
      members["module"] = .string(name.description)
      members["role"] = .string(role.rawValue)
    case .embedding(let token, let vectors, let fitting):
      members["fate"] = "embedding"
      members["token"] = token.map(JSON.string) ?? .null
      members["vectors"] = .integer(vectors)
      members["fits"] = .string(fitting)
    case .besides(let reason, let isKnown):
      members["fate"] = isKnown ? "ignored" : "unexplained"
      members["reason"] = .string(reason)
    case .unknown: members["fate"] = "unexplained"
    }
    return .object(members)
  }
}

extension CheckpointSummary {
  /// What every tensor is, in the order of the file, where no family's table maps it; `nil` where one
  /// does, and the ledger tells.
  public var accounts: [TensorAccount]? {
    guard (try? reading.get()) == nil else { return nil }
    let tensors = checkpoint.source.tensors
    var meanings: [Int: TensorAccount.Meaning] = [:]
    if let file = adapter?.adapter.file {
      for module in file.modules {
        for (role, index) in module.parts { meanings[index] = .module(module.name, role: role) }
      }
      for part in file.leftovers {
        meanings[part.index] = .besides(reason: part.reason, isKnown: part.isKnown)
      }
    }
    if let foreign {
      var titles: [String: String] = [:]
      for part in foreign.parts {
        for tensor in part.tensors { titles[tensor.name] = part.title }
      }
      for (index, tensor) in tensors.enumerated() {
        guard let title = titles[tensor.name] else { continue }
        meanings[index] = .kept(part: title, model: foreign.title)
      }
    }
    for embedding in embeddings?.embeddings ?? [] {
      for part in embedding.parts {
        meanings[part.index] = .embedding(
          token: embedding.token, vectors: part.vectorCount, fitting: part.fitting)
      }
    }
    return tensors.enumerated().map { index, tensor in
      TensorAccount(tensor: tensor, meaning: meanings[index] ?? .unknown)
    }
  }
}
