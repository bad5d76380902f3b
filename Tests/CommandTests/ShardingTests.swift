import Checkpoints
import Foundation
import TensorCore
import Testing

@Suite struct ShardingTests {
  @Test func aModelInShardsIsReadByItsIndexAndByItsFolder() throws {
    try Tool.inFolder { tool in
      try FileManager.default.createDirectory(
        atPath: tool.file("m"), withIntermediateDirectories: false)
      let outcome = try tool.run(
        "convert", Digits.checkpoint, "-o", "m/model.safetensors", "--shard-size", "4MiB")
      #expect(outcome.status == 0 && outcome.errors == "")
      #expect(
        outcome.output.contains(
          " of tensors in 5 files with the index model.safetensors.index.json"))
      for path in ["m", "m/model.safetensors.index.json"] {
        let back = try tool.run("convert", path, "-o", "back.ingot")
        #expect(back.status == 0, "\(back.errors)")
        #expect(try IngotReader(path: tool.file("back.ingot")).verify().isIntact)
        let checkpoint = try Checkpoint.open(path: tool.file("back.ingot"))
        let files = checkpoint.metadata["source"]?["files"]?.arrayValue
        #expect(files?.count == 6 && files?.first?["sha256"] != nil)
      }
    }
  }

  @Test func whatAFormerDivisionLeftIsAWarning() throws {
    try Tool.inFolder { tool in
      _ = try tool.run(
        "convert", Digits.checkpoint, "-o", "m.safetensors", "--shard-size", "4000000")
      let outcome = try tool.run("convert", Digits.checkpoint, "-o", "m.safetensors")
      #expect(
        outcome.errors
          == "assay: warning: m-00001-of-00005.safetensors: left from before, as 5 more; a reader "
          + "could take it for a part of m.safetensors\n")
    }
  }

  @Test(arguments: ["0", "-1", "2XB", "GB", "1.5GB", "99999999999TB", "2 GB", ""])
  func whatIsNoSizeIsWrongUsage(size: String) throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(
        "convert", Digits.checkpoint, "-o", "m.safetensors", "--shard-size=\(size)")
      #expect(outcome.status == 2)
      #expect(outcome.errors.contains("'--shard-size") && tool.contents == [])
    }
  }

  @Test(arguments: ["m.ckpt", "m.npz", "m.ingot"])
  func aContainerOfOneFileHasNoShards(output: String) throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("convert", Digits.checkpoint, "-o", output, "--shard-size", "1GB")
      #expect(outcome.status == 2)
      #expect(outcome.errors.contains(" is one file and has no shards, expected safetensors or "))
      #expect(tool.contents == [])
    }
  }

  @Test func metadataThatHaveNoPlaceAreAWarning() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("convert", Digits.checkpoint, "-o", "m.npz")
      #expect(
        outcome.errors
          == "assay: warning: m.npz: numpy has no place for metadata, left behind: values\n")
    }
  }
}
