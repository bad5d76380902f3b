public import TensorCore

extension LayoutReading {
  /// The account of the checkpoint's tensors on their way to the names that its own layout has for
  /// them, behind the prefixes that the checkpoint uses: a sound checkpoint keeps every name.
  ///
  /// - Throws: `LayoutError` when two tensors would get one name.
  public func ledgerOfOwnNames() throws(LayoutError) -> Ledger {
    ledger.followed(by: try toSource.ledger(for: ledger.targets.map(\.description)))
  }

  /// What the checkpoint's own layout calls a canonical tensor, and in which shape; `nil` when it has
  /// no place for it.
  public func ownDescription(of canonical: TensorDescription) -> TensorDescription? {
    toSource.target(of: canonical)
  }

  /// The tensors that the model lacks, under the names and in the shapes that its own layout has,
  /// by component.
  public var missingTensors: [(component: Component, tensors: [TensorDescription])] {
    byComponent(
      ledger.missing.map {
        TensorDescription(name: $0.name, elementType: .float32, shape: $0.shape)
      })
  }

  /// The tensors of another shape than the model asks for: as they should be, in the own layout.
  public var misshapenTensors: [(found: TensorDescription, expected: TensorShape)] {
    ledger.misshapen.map { misfit in
      let canonical = TensorDescription(
        name: misfit.found.name, elementType: misfit.found.elementType, shape: misfit.expected)
      let target = ledger.targets.first { $0.description == misfit.found }
      let source = target?.recipe.sources.first.map { ledger.entries[$0].source }
      return (source ?? misfit.found, ownDescription(of: canonical)?.shape ?? misfit.expected)
    }
  }

  /// The number of tensors that a whole component has.
  public func expectedCount(of component: Component) -> Int {
    let prefix = component.prefix
    return ledger.missing.count { $0.name.hasPrefix(prefix) }
      + ledger.targets.count { $0.description.name.hasPrefix(prefix) }
  }

  private func byComponent(
    _ tensors: [TensorDescription]
  ) -> [(component: Component, tensors: [TensorDescription])] {
    Component.allCases.map { component in
      let own = tensors.filter { $0.name.hasPrefix(component.prefix) }.map { canonical in
        ownDescription(of: canonical) ?? canonical
      }
      // The parts of a fused tensor are one tensor in the layout that fuses.
      var seen: Set<String> = []
      return (component, own.filter { seen.insert($0.name).inserted })
    }.filter { !$0.tensors.isEmpty }
  }
}
