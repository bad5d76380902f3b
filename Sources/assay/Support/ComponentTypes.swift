internal import ArgumentParser
internal import KeyLayouts
internal import TensorCore

/// What `--dtype` says: one type for all (`f16`), or one a component (`unet=f16,vae=f32`), with or
/// without one for all others.
struct ComponentTypes: ExpressibleByArgument, Hashable {
  private(set) var common: ElementType?
  private(set) var byComponent: [Component: ElementType] = [:]

  /// What is wrong with the argument; `nil` when nothing is.
  private(set) var problem: String?

  init(argument: String) {
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
      let type = sides.last.flatMap(ElementType.init(name:))
      guard let type, type.isEncodable else {
        problem = "is \(sides.last ?? ""), expected one of \(ElementType.castTargets)"
        return
      }
      let component = sides.count == 2 ? Component(rawValue: sides[0]) : nil
      if sides.count == 1, common == nil {
        common = type
      } else if let component, byComponent[component] == nil {
        byComponent[component] = type
      } else {
        problem = "is \(argument), expected a type, or one a component: unet=f16,vae=f32"
        return
      }
    }
  }
}

/// What `--metadata` says: `key=value`.
struct MetadataEntry: ExpressibleByArgument, Hashable {
  let key: String
  let value: String

  init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), sign > argument.startIndex else { return nil }
    key = String(argument[..<sign])
    value = String(argument[argument.index(after: sign)...])
  }
}

/// What `--components` says: `unet,vae`.
struct ComponentList: ExpressibleByArgument, Hashable {
  let components: [Component]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    components = parts.compactMap { Component(rawValue: String($0)) }
    guard components.count == parts.count, Set(components).count == parts.count else { return nil }
  }
}
