import Checkpoints
import Conversion
import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Inspection

@Suite struct FingerprintTests {
  private static func fingerprints(_ model: ReadModel) throws -> Fingerprints {
    Fingerprints(of: try ModelFacts(of: model))
  }

  @Test(arguments: ["sd15", "sdxl-base"])
  func containersLayoutsOrderAndMetadataChangeNothing(family: String) throws {
    let folder = try ScratchFolder()
    let model = try ModelReader.open(path: ModelEdit.path("families/\(family).safetensors"))
    let expected = try Self.fingerprints(model)
    #expect(!expected.components.isEmpty)
    for output in ["m.ingot", "m.ckpt", "folder"] {
      var request = ConversionRequest(
        output: folder.path(output), container: try .named(byOutput: output))
      request.metadata = ["note": "other"]
      _ = try Converter(model, request).run()
      let found = try Self.fingerprints(ModelReader.open(path: folder.path(output)))
      #expect(found.whole == expected.whole, "\(output)")
      #expect(
        Set(found.components) == Set(expected.components), "\(output)")
    }
  }

  @Test func aChangeInOneComponentIsItsAlone() throws {
    var edit = try ModelEdit("families/sd15.safetensors")
    let before = try Self.fingerprints(edit.read)
    edit.addNoise(0.1) { $0.hasPrefix("first_stage_model.decoder.conv_out") }
    let after = try Self.fingerprints(edit.read)
    #expect(before.whole != after.whole)
    let changed = zip(before.components, after.components).filter { $0 != $1 }.map(\.0.name)
    #expect(changed == ["vae"])
  }

  @Test func ingotsAnswerWithoutBeingRead() throws {
    let folder = try ScratchFolder()
    let model = try ModelReader.open(path: ModelEdit.path("families/sd15.safetensors"))
    let request = ConversionRequest(output: folder.path("m.ingot"), container: .ingot)
    _ = try Converter(model, request).run()
    let facts = try ModelFacts(of: ModelReader.open(path: folder.path("m.ingot")))
    #expect(facts.touchedBytes == 0)
    let read = try ModelFacts(of: model)
    let known = Dictionary(
      read.tensors.map { ($0.description.name, $0) }, uniquingKeysWith: { first, _ in first })
    for tensor in facts.tensors {
      #expect(known[tensor.description.name]?.statistics == tensor.statistics)
    }
  }

  @Test func aCatalogKnowsComponents() throws {
    let folder = try ScratchFolder()
    let prints = try Self.fingerprints(
      ModelReader.open(path: ModelEdit.path("families/sd15.safetensors")))
    var catalog = Catalog()
    catalog.add(prints, named: "first")
    catalog.add(prints, named: "first")
    #expect(catalog.entries.count == prints.components.count)
    try folder.write(catalog.json.text(), to: "catalog.json")
    let read = try Catalog(path: folder.path("catalog.json"))
    #expect(read == catalog)
    #expect(read.name(of: prints.components[0]) == "first")
    try folder.write("{\"components\": [{\"name\": \"x\"}]}", to: "bad.json")
    let error = #expect(throws: CatalogError.self) { try Catalog(path: folder.path("bad.json")) }
    #expect(error?.problem.hasPrefix("component 0 has not the strings") == true)
  }
}

@Suite struct FileHashTests {
  private static let expected: JSONObject = {
    let data = FileManager.default.contents(atPath: ModelEdit.path("hashes/expected.json"))
    return (try? JSON(parsing: Array(data ?? Data())))?.objectValue ?? [:]
  }()

  @Test(arguments: expected.keys)
  func hashesAreThoseOfHashlib(file: String) throws {
    let expected = try #require(Self.expected[file])
    let checkpoint = try Checkpoint.open(path: ModelEdit.path(file))
    let hashes = try #require(try FileHashes.all(of: checkpoint).first)
    #expect(hashes.sha256 == expected["sha256"]?.stringValue)
    #expect(hashes.autoV1 == expected["autov1"]?.stringValue)
    #expect(hashes.autoV2 == expected["autov2"]?.stringValue)
    #expect(hashes.autoV3 == expected["autov3"]?.stringValue)
    #expect(hashes.tensorData == expected["sshs_model_hash"]?.stringValue)
    #expect(hashes.modelspec == expected["modelspec_hash"]?.stringValue)
  }

  @Test func statementsInMetadataAreChecked() throws {
    let checkpoint = try Checkpoint.open(path: ModelEdit.path("hashes/lora.safetensors"))
    let stated = StatedHash.all(of: checkpoint, try FileHashes.all(of: checkpoint))
    #expect(
      stated.map { "\($0.key) \($0.isRight.map(String.init) ?? "-")" } == [
        "modelspec.hash_sha256 false", "sshs_model_hash true", "sshs_legacy_hash -",
      ])
  }

  /// The standard wants `0x` in front of `modelspec.hash_sha256`; many writers leave it out.
  @Test(arguments: [
    ("0xAB12", true), ("ab12", true), ("AB12", true), ("0xab13", false), ("", false),
  ])
  func statedHashesCountWithAndWithoutTheirPrefix(stated: String, isRight: Bool) {
    let hash = StatedHash(key: "modelspec.hash_sha256", stated: stated, found: "0xab12")
    #expect(hash.isRight == isRight)
  }

  @Test func trainingIsToldInOrder() throws {
    let checkpoint = try Checkpoint.open(path: ModelEdit.path("hashes/lora.safetensors"))
    let summary = TrainingSummary(metadata: checkpoint.metadata)
    #expect(
      summary.lines.map { "\($0.title): \($0.text)" } == [
        "title: red three", "network: networks.lora, dimension 4, alpha 2.0",
        "trained on: digits.ckpt, version sd_v1", "length: 120 steps, 3 epochs",
        "learning rate: 0.0001", "pictures: at (64, 64)",
        "tags: red (40), three (40), black background (12)",
      ])
    #expect(!summary.usedKeys.contains("sshs_model_hash"))
    #expect(TrainingSummary(metadata: [:]).lines.isEmpty)
  }

  @Test func lengthsArgumentsAndAdaptersAreReadable() {
    let summary = TrainingSummary(metadata: [
      "ss_output_name": "cat", "ss_steps": "1200", "ss_max_train_steps": "1500", "ss_epoch": "1",
      "ss_network_args": #"{"conv_dim": "8", "algo": "loha"}"#,
      "ss_training_started_at": "1690000000.5", "ss_training_finished_at": "1690003600",
      "ss_noise_offset": "None", "modelspec.merged_from": "a,b",
      "lora_adapter_metadata":
        #"{"unet.r": 8, "unet.lora_alpha": 4, "unet.use_dora": false, "unet.bias": "none"}"#,
    ])
    #expect(
      summary.lines.map { "\($0.title): \($0.text)" } == [
        "title: file cat", "made: from a,b", "arguments: conv_dim 8, algo loha",
        "adapter: unet.r 8, unet.lora_alpha 4", "length: 1200 of 1500 steps, 1 epoch",
        "begun: 2023-07-22T04:26:40Z", "ended: 2023-07-22T05:26:40Z",
      ])
  }

  /// Where a file describes the data, sd-scripts writes one list of sets.
  @Test func setsOfDataAreReadable() {
    let summary = TrainingSummary(metadata: [
      "ss_datasets": #"""
      [{"is_dreambooth": true, "batch_size_per_device": 2, "num_train_images": 200,
        "resolution": [512, 768], "subsets": [
          {"img_count": 20, "num_repeats": 10, "image_dir": "cats"}, {"image_dir": "dogs"}],
        "tag_frequency": {"cats": {"cat": 20, " red": 3}, "dogs": {"red": 4}}}]
      """#
    ])
    #expect(
      summary.lines.map { "\($0.title): \($0.text)" } == [
        "pictures: 200, at 512 x 768, batch 2", "folders: cats (20 x 10), dogs",
        "tags: cat (20), red (7)",
      ])
    #expect(summary.usedKeys == ["ss_datasets"])
  }
}
