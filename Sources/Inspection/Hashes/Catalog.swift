internal import Foundation
public import TensorCore

/// Components that are known by name: `vae: the same as sd-vae-ft-mse`.
public struct Catalog: Sendable, Hashable {
  /// A known component.
  public struct Entry: Sendable, Hashable {
    /// What people call it.
    public let name: String
    /// Which part of a model it is: `vae`.
    public let component: String
    /// The fingerprint of its weights, as 32 hexadecimal digits.
    public let fingerprint: String
  }

  /// The components, in the order in which they were added.
  public private(set) var entries: [Entry]

  /// Makes an empty catalog.
  public init() { entries = [] }

  /// Reads a catalog: `{"components": [{"name": …, "component": …, "fingerprint": …}]}`.
  ///
  /// - Throws: `FileError` when the file cannot be read, `CatalogError` when it is no catalog.
  public init(path: String) throws {
    let storage = try ByteStorage(file: path)
    let json: JSON
    do {
      json = try JSON(parsing: storage.array(in: 0..<storage.count))
    } catch {
      throw CatalogError(path: path, problem: "\(error)")
    }
    guard let list = json["components"]?.arrayValue else {
      throw CatalogError(path: path, problem: "no list 'components': not a catalog")
    }
    entries = try list.enumerated().map { index, entry in
      guard let name = entry["name"]?.stringValue,
        let component = entry["component"]?.stringValue,
        let fingerprint = entry["fingerprint"]?.stringValue, fingerprint.count == 32
      else {
        throw CatalogError(
          path: path,
          problem: "component \(index) has not the strings 'name', 'component' and 'fingerprint' "
            + "(32 digits)")
      }
      return Entry(name: name, component: component, fingerprint: fingerprint.lowercased())
    }
  }

  /// The name of a component's weights, if the catalog knows them.
  public func name(of component: Fingerprints.Component) -> String? {
    entries.first {
      $0.component == component.name && $0.fingerprint == component.fingerprint.description
    }?.name
  }

  /// Adds the components of a model under one name; what has the same name and component goes.
  public mutating func add(_ fingerprints: Fingerprints, named name: String) {
    for component in fingerprints.components {
      entries.removeAll { $0.name == name && $0.component == component.name }
      entries.append(
        Entry(
          name: name, component: component.name,
          fingerprint: component.fingerprint.description))
    }
  }

  /// The catalog as it is stored.
  public var json: JSON {
    [
      "components": .array(
        entries.map {
          [
            "name": .string($0.name), "component": .string($0.component),
            "fingerprint": .string($0.fingerprint),
          ]
        })
    ]
  }
}

/// A file that is no catalog.
public struct CatalogError: DescribedError, Hashable {
  /// The file.
  public let path: String
  /// What is wrong.
  public let problem: String

  /// The line shown to people.
  public var description: String { "\(path): \(problem)" }
}
