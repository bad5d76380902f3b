public import TensorCore

extension Lineage {
  /// The lineage for machines.
  public var json: JSON {
    let total = grams.total
    return [
      "models": .array(grams.paths.map { .string($0) }),
      "tensors": .integer(grams.tensorCount), "values": .integer(total.elementCount),
      "non_finite": .integer(total.nonFiniteCount),
      "unshared": .array(grams.unshared.map { .string($0) }),
      "distances": total.distances, "cosines": total.cosines,
      "components": .array(
        grams.components.map { component in
          [
            "name": .string(component.name), "values": .integer(component.gram.elementCount),
            "distances": component.gram.distances, "cosines": component.gram.cosines,
          ]
        }),
      "equal": .array(equal.map { [.integer($0.0), .integer($0.1)] }),
      "base": baseJSON,
      "tree": .array(
        tree.map { edge in
          [
            "parent": .integer(edge.parent), "child": .integer(edge.child),
            "distance": .number(edge.distance),
          ]
        }),
      "merges": .array(
        merges.map { merge in
          [
            "model": .integer(merge.model), "whole": merge.whole.json,
            "block_residual": .number(merge.blockResidual),
            "blocks": .array(
              merge.blocks.map { block in
                ["name": .string(block.name), "solution": block.solution?.json ?? .null]
              }),
          ]
        }),
    ]
  }

  private var baseJSON: JSON {
    switch base {
    case .model(let model, let cosine): ["model": .integer(model), "cosine": .number(cosine)]
    case .unknown(let reason): ["model": .null, "reason": .string(reason)]
    }
  }
}

extension GramMatrix {
  /// The relative distances of all pairs.
  fileprivate var distances: JSON { matrix { .number(relativeDistance($0, $1)) } }

  /// The cosines of the weights of all pairs.
  fileprivate var cosines: JSON { matrix { cosine($0, $1).map { .number($0) } ?? .null } }

  private func matrix(_ value: (Int, Int) -> JSON) -> JSON {
    .array((0..<count).map { a in .array((0..<count).map { value(a, $0) }) })
  }
}

extension MergeSolution {
  fileprivate var json: JSON {
    [
      "parents": .array(parents.map { .integer($0) }),
      "ratios": .array(ratios.map { .number($0) }), "residual": .number(residual),
      "relative_residual": .number(relativeResidual),
    ]
  }
}
