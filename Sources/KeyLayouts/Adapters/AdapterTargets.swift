public import TensorCore

/// The modules that a model has, by every name that adapters give them.
public struct AdapterTargets: Sendable {
  /// A module of the model.
  public struct Target: Sendable, Hashable {
    /// Its canonical name: `unet.mid_block.attentions.0.proj_in`.
    public let module: String
    /// Its weight.
    public let weight: TensorDescription?
    /// Its bias.
    public let bias: TensorDescription?
  }

  /// Why a module has no target.
  public enum Miss: Error, Sendable, Hashable {
    /// The model has no such module; the name that comes nearest.
    case unknown(nearest: String?)
    /// The model has none of the components that the module could be in; the likeliest.
    case absent(component: String)
    /// Several modules have this name.
    case ambiguous([String])
  }

  /// The modules of the model, in its order.
  public let targets: [Target]
  /// The canonical components that the model has.
  public let scopes: [String]
  /// By component, and in it by name with dots; several only where names collide.
  private var dotted: [String: [String: [Int]]] = [:]
  /// By component, and in it by name with underscores for dots.
  private var flat: [String: [String: [Int]]] = [:]

  /// Lists the modules of a model.
  ///
  /// - Parameters:
  ///   - tensors: the model's, under canonical names.
  ///   - originals: what LDM's layout calls them, by canonical name.
  public init(_ tensors: [TensorDescription], originals: [String: String] = [:]) {
    var order: [String] = []
    var weights: [String: TensorDescription] = [:]
    var biases: [String: TensorDescription] = [:]
    for tensor in tensors {
      guard let dot = tensor.name.lastIndex(of: ".") else { continue }
      let module = String(tensor.name[..<dot])
      switch tensor.name[tensor.name.index(after: dot)...] {
      case "weight": weights[module] = tensor
      case "bias": biases[module] = tensor
      default: continue
      }
      if weights[module] == nil || biases[module] == nil { order.append(module) }
    }
    var scopes: [String] = []
    var targets: [Target] = []
    for module in order {
      guard let dot = module.firstIndex(of: ".") else { continue }
      let scope = String(module[..<dot])
      if !scopes.contains(scope) { scopes.append(scope) }
      let index = targets.count
      targets.append(Target(module: module, weight: weights[module], bias: biases[module]))
      let path = String(module[module.index(after: dot)...])
      var names = [path]
      // transformers 5 saves text encoders without this level.
      if path.hasPrefix("text_model.") { names.append(String(path.dropFirst("text_model.".count))) }
      let tensor = weights[module] ?? biases[module]
      if let original = tensor.flatMap({ originals[$0.name] }) {
        names += Self.originalPaths(original)
      }
      for name in Set(names) {
        dotted[scope, default: [:]][name, default: []].append(index)
        flat[scope, default: [:]][Self.flattened(name), default: []].append(index)
      }
    }
    self.targets = targets
    self.scopes = scopes
  }

  /// The module in LDM's layout, without the component's prefix.
  private static func originalPaths(_ tensor: String) -> [String] {
    guard let dot = tensor.lastIndex(of: ".") else { return [] }
    let name = AdapterModuleName(tensor[..<dot].split(separator: ".").map(String.init))
    return name.map { [$0.path] } ?? []
  }

  /// A name with underscores for dots.
  static func flattened(_ name: String) -> String { name.replacing(".", with: "_") }

  /// The module that a name stands for.
  ///
  /// - Parameter fits: whether a module could be meant, judged by shapes: what decides between two
  ///   text encoders when the name does not.
  /// - Throws: `Miss` when there is none, or more than one.
  public func target(
    of name: AdapterModuleName, where fits: (Target) -> Bool = { _ in true }
  ) throws(Miss) -> Target {
    for scope in name.scopes ?? [] {
      let found = matches(name, in: scope)
      if !found.isEmpty { return try single(found, fits) }
    }
    if let component = absentComponent(of: name) { throw .absent(component: component) }
    guard name.scopes == nil else { throw .unknown(nearest: nearest(to: name)) }
    var found = scopes.flatMap { matches(name, in: $0) }
    if found.isEmpty, name.isFlat {
      // LyCORIS' own wrapper may name modules from the pipeline on.
      for scope in scopes where name.path.hasPrefix(scope + "_") {
        found += flat[scope]?[String(name.path.dropFirst(scope.count + 1))] ?? []
      }
    }
    guard !found.isEmpty else { throw .unknown(nearest: nearest(to: name)) }
    return try single(found, fits)
  }

  private func matches(_ name: AdapterModuleName, in scope: String) -> [Int] {
    name.isFlat ? flat[scope]?[name.path] ?? [] : dotted[scope]?[name.path] ?? []
  }

  private func single(_ found: [Int], _ fits: (Target) -> Bool) throws(Miss) -> Target {
    if found.count == 1 { return targets[found[0]] }
    let fitting = found.map { targets[$0] }.filter(fits)
    guard fitting.count == 1 else { throw .ambiguous(found.map { targets[$0].module }) }
    return fitting[0]
  }

  /// The component that a module must be in and that the model does not have; `nil` where it has it.
  public func absentComponent(of name: AdapterModuleName) -> String? {
    guard let named = name.scopes, !named.contains(where: scopes.contains) else { return nil }
    return named.first
  }

  /// The module whose name takes the fewest changes to get to; `nil` when none is near.
  public func nearest(to name: AdapterModuleName) -> String? {
    let wanted = Array(Self.flattened(name.path).utf8)
    let places = name.scopes.map { $0.filter(scopes.contains) } ?? scopes
    var best: (distance: Int, module: String)?
    for (scope, path, index) in places.flatMap({ scope in
      (flat[scope] ?? [:]).map { (scope, $0.key, $0.value[0]) }
    }) {
      let limit = best?.distance ?? max(wanted.count / 2, 1)
      let distance = EditDistance.between(wanted, Array(path.utf8), limit: limit)
      let module = targets[index].module
      // By name where two are as near, so that the message does not depend on a dictionary's order.
      if let distance,
        distance < limit || distance == limit && module < best?.module ?? "\u{10FFFF}",
        module.hasPrefix(scope)
      {
        best = (distance, module)
      }
    }
    return best?.module
  }
}
