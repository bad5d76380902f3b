import Checkpoints
import Conversion
import TensorCore
import Testing

@testable import Inspection

@Suite struct HealthTests {
  private typealias Kind = HealthReport.Kind

  /// The findings about an edited model.
  private static func report(
    _ fixture: String = "families/sd15.safetensors", _ edit: (inout ModelEdit) -> Void
  ) throws -> HealthReport {
    var model = try ModelEdit(fixture)
    edit(&model)
    let read = model.read
    return try HealthReport(of: read, ModelFacts(of: read, .precision))
  }

  private static func of(_ kind: Kind, _ report: HealthReport) -> [HealthReport.Finding] {
    report.findings.filter { $0.kind == kind }
  }

  private static let kernel = "model.diffusion_model.input_blocks.0.0.weight"
  private static let canonical = "unet.conv_in.weight"

  @Test func valuesThatAreNotFiniteAreDamage() throws {
    let report = try Self.report {
      $0.change(where: { $0 == Self.kernel }) { values, _ in
        values[0] = .nan
        values[3] = -.infinity
      }
    }
    #expect(!report.isHealthy)
    #expect(report.findings[0].kind == .nonFinite && report.findings[0].isProblem)
    #expect(report.findings[0].text.hasPrefix("2 of "))
    #expect(report.findings[0].tensors == [Self.canonical])
  }

  @Test func weightsOfOneValueAreRemarks() throws {
    for (value, kind) in [(Float(0), Kind.zero), (0.5, .constant)] {
      let report = try Self.report {
        $0.change(where: { $0 == Self.kernel }) { values, _ in
          for index in values.indices { values[index] = value }
        }
      }
      #expect(report.isHealthy)
      #expect(Self.of(kind, report).flatMap(\.tensors).contains(Self.canonical))
    }
  }

  /// Norms start at one and biases at zero; the other way round nothing comes through, and a bias of
  /// one value was never trained.
  @Test(arguments: [
    ("model.diffusion_model.out.0.weight", Float(0), HealthReport.Kind?.some(.zero)),
    ("model.diffusion_model.out.0.weight", 1, nil),
    ("model.diffusion_model.out.0.weight", 0.5, .constant),
    ("model.diffusion_model.out.0.bias", 0, nil),
    ("model.diffusion_model.out.0.bias", 7, .constant),
  ])
  func vectorsOfOneValue(name: String, value: Float, kind: HealthReport.Kind?) throws {
    let report = try Self.report {
      $0.change(where: { $0 == name }) { values, _ in
        for index in values.indices { values[index] = value }
      }
    }
    let end = name.hasSuffix("weight") ? "weight" : "bias"
    for other in [Kind.zero, .constant] {
      let names = Self.of(other, report).flatMap(\.tensors)
      #expect(names.contains("unet.conv_norm_out.\(end)") == (other == kind))
    }
  }

  @Test func tensorsWithTheSameBytesAreFound() throws {
    let report = try Self.report { edit in
      let values = edit.numbers(of: Self.kernel)
      let shape = edit.tensors.first { $0.name == Self.kernel }?.shape ?? []
      edit.add(TensorDescription(name: "extra", elementType: .float16, shape: shape), values)
      edit.add(TensorDescription(name: "more", elementType: .float16, shape: shape), values)
    }
    let found = Self.of(.duplicate, report).filter { $0.tensors.contains("extra") }
    #expect(found.map(\.tensors).first?.contains("more") == true)
  }

  @Test func floatsThatHalvesWouldHoldAreCounted() throws {
    let report = try Self.report { edit in
      edit.cast(to: .float16)
      edit.cast(to: .float32)
      edit.change(where: { $0 == Self.kernel }) { values, _ in values[0] = 1e-7 }
    }
    let found = Self.of(.wide, report)
    #expect(found.count == 1)
    #expect(found[0].tensors.count > 500)
    #expect(!found[0].tensors.contains(Self.canonical))
  }

  @Test func deadTokensAreFound() throws {
    let name = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
    let report = try Self.report {
      $0.change(where: { $0 == name }) { values, _ in
        for column in 0..<12 {
          values[7 * 12 + column] = 0
          values[9 * 12 + column] = values[8 * 12 + column]
        }
      }
    }
    #expect(
      Self.of(.deadEmbedding, report).map(\.text) == [
        "1 token's vector is zero, first token 7",
        "1 token's vector is the same as an earlier one, first token 9",
      ])
  }

  @Test(arguments: [("fractions", false), ("float", true), ("missing", true)])
  func damagedPositionsAreDamage(variant: String, isHealthy: Bool) throws {
    let report = try Self.report("embeddings/variants/positions-\(variant).safetensors") { _ in }
    #expect(report.isHealthy == isHealthy)
    #expect(Self.of(.positions, report).isEmpty == isHealthy)
  }

  /// The findings about a model with averages, each weight times a factor.
  private static func averaged(by factor: Float, updates: Float? = nil) throws -> HealthReport {
    try report { edit in
      for name in edit.tensors.map(\.name) where name.hasPrefix("model.") {
        let values = edit.numbers(of: name)
        let key = name.dropFirst("model.".count).filter { $0 != "." }
        guard var tensor = edit.tensors.first(where: { $0.name == name }) else { continue }
        tensor.name = "model_ema." + key
        edit.add(tensor, values.map { $0 * factor })
      }
      guard let updates else { return }
      edit.add(
        TensorDescription(name: "model_ema.num_updates", elementType: .float32, shape: []),
        [updates])
    }
  }

  @Test func averagesThatAreTheWeightsAreFound() throws {
    let unused = try Self.averaged(by: 1)
    let found = Self.of(.unusedAverage, unused)
    #expect(found.count == 1 && found.first?.tensors.count ?? 0 > 100)
    // They are told once, and not again as duplicates.
    #expect(!Self.of(.duplicate, unused).flatMap(\.tensors).contains { $0.hasPrefix("model_ema.") })
    #expect(Self.of(.unusedAverage, try Self.averaged(by: 0.5)).isEmpty)
    #expect(Self.of(.unusedAverage, try Self.averaged(by: 0.5, updates: 120)).isEmpty)
    let idle = Self.of(.unusedAverage, try Self.averaged(by: 0.5, updates: 0))
    #expect(idle.map(\.text).first?.hasSuffix("never updated: num_updates is 0") == true)
    #expect(Self.of(.unusedAverage, try Self.averaged(by: 1, updates: 0)).count == 1)
  }
}
