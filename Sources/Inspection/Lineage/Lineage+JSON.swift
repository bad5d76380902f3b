public import TensorCore

extension Lineage {
  /// The lineage for machines.
  public var json: JSON {
    let total = grams.total
    return [
      "models": .array(grams.paths.map { .string($0) }),
      "tensors": .integer(grams.tensorCount), "values": .integer(total.elementCount),
      "non_finite": .integer(total.nonFiniteCount),
      "non_finite_by_model": .array(total.nonFiniteCounts.map { .integer($0) }),
      "unshared": .array(grams.unshared.map { .string($0) }),
      "distances": total.distances, "cosines": total.cosines,
      "components": .array(
        grams.components.map { component in
          [
            "name": .string(component.name), "values": .integer(component.gram.elementCount),
            "distances": component.gram.distances, "cosines": component.gram.cosines,
          ]
        }),
      "equal": .array(
        equal.filter { isSound($0) && isSound($1) }.map { [.integer($0.0), .integer($0.1)] }),
      "rounded": .array(rounded.map { [.integer($0.0), .integer($0.1)] }),
      "blank": .array(blank.map { .integer($0) }),
      "base": baseJSON,
      "tree": .array(
        tree.map { edge in
          [
            "parent": .integer(edge.parent), "child": .integer(edge.child),
            "distance": edge.distance.json,
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

  /// Whether all weights of a model that were compared are numbers.
  private func isSound(_ model: Int) -> Bool { grams.total.nonFiniteCounts[model] == 0 }

  private var baseJSON: JSON {
    switch base {
    case .model(let model, let cosine): ["model": .integer(model), "cosine": .number(cosine)]
    case .unknown(let reason): ["model": .null, "reason": .string(reason)]
    }
  }
}

extension GramMatrix {
  /// The relative distances of all pairs.
  fileprivate var distances: JSON { matrix { relativeDistance($0, $1).json } }

  /// The cosines of the weights of all pairs.
  fileprivate var cosines: JSON { matrix { cosine($0, $1).map { .number($0) } ?? .null } }

  private func matrix(_ value: (Int, Int) -> JSON) -> JSON {
    .array((0..<count).map { a in .array((0..<count).map { value(a, $0) }) })
  }
}

extension Double {
  /// `null` where there is no number.
  fileprivate var json: JSON { isFinite ? .number(self) : .null }
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
