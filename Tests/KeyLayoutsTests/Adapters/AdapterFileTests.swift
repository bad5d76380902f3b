import KeyLayouts
import TensorCore
import Testing

@Suite struct AdapterFileTests {
  private func file(_ tensors: KeyValuePairs<String, TensorShape>) throws -> AdapterFile {
    try AdapterFile(
      of: tensors.map { TensorDescription(name: $0.key, elementType: .float16, shape: $0.value) })
  }

  @Test func modulesTellTheirFormAndRank() throws {
    let file = try file([
      "lora_unet_a.lora_down.weight": [4, 8], "lora_unet_a.lora_up.weight": [6, 4],
      "lora_unet_a.alpha": [], "lora_unet_b.lora_down.weight": [3, 8, 1, 1],
      "lora_unet_b.lora_mid.weight": [3, 3, 3, 3], "lora_unet_b.lora_up.weight": [6, 3, 1, 1],
      "lora_unet_c.hada_w1_a": [6, 2], "lora_unet_c.hada_w1_b": [2, 8],
      "lora_unet_c.hada_w2_a": [6, 2], "lora_unet_c.hada_w2_b": [2, 8],
      "lora_unet_d.lokr_w1": [2, 2], "lora_unet_d.lokr_w2_a": [3, 5],
      "lora_unet_d.lokr_w2_b": [5, 4], "lora_unet_e.lokr_w1": [2, 2],
      "lora_unet_e.lokr_w2": [3, 4], "lora_unet_f.w_norm": [6], "lora_unet_f.b_norm": [6],
      "lora_unet_g.diff_b": [6], "lora_unet_h.diff": [6, 8],
    ])
    #expect(
      file.modules.map(\.kind) == [
        "LoRA", "LoCon", "LoHa", "LoKr", "LoKr", "norm", "bias", "difference",
      ])
    #expect(file.modules.map(\.rank) == [4, 3, 2, 5, nil, nil, nil, nil])
    #expect(file.leftovers.isEmpty && file.isCertain)
    #expect(file.naming == .kohya)
  }

  /// A file that contradicts itself, and the line that says so.
  struct Bad: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Names with extents behind them.
    let tensors: [String]
    let message: String
  }

  static let bad: [Bad] = [
    Bad(
      testDescription: "ranks of up and down",
      tensors: [
        "lora_unet_a.lora_down.weight 4, 8", "lora_unet_a.lora_up.weight 6, 5",
      ],
      message: "tensor 'lora_unet_a.lora_down.weight' is [4, 8], expected [5, …]"),
    Bad(
      testDescription: "kernel in between",
      tensors: [
        "x.lora_down.weight 4, 8, 1, 1", "x.lora_up.weight 6, 4, 1, 1",
        "x.lora_mid.weight 4, 5, 3, 3",
      ], message: "tensor 'x.lora_mid.weight' is [4, 5, 3, 3], expected [4, 4, …]"),
    Bad(
      testDescription: "vector for a matrix",
      tensors: ["x.lora_down.weight 4", "x.lora_up.weight 6, 4"],
      message: "tensor 'x.lora_down.weight' is [4], expected a matrix or a kernel"),
    Bad(
      testDescription: "no values",
      tensors: ["x.lora_down.weight 0, 8", "x.lora_up.weight 6, 0"],
      message: "tensor 'x.lora_up.weight' is [6, 0], expected a matrix or a kernel"),
    Bad(
      testDescription: "halves of LoHa",
      tensors: [
        "x.hada_w1_a 6, 2", "x.hada_w1_b 2, 8", "x.hada_w2_a 6, 2",
        "x.hada_w2_b 2, 9",
      ],
      message: "tensor 'x.hada_w2_b' is [2, 9], expected as many columns as 'x.hada_w1_b' [2, 8]"),
    Bad(
      testDescription: "GLoRA's square",
      tensors: [
        "x.a1.weight 7, 2", "x.a2.weight 2, 8", "x.b1.weight 6, 2",
        "x.b2.weight 2, 8",
      ], message: "tensor 'x.a1.weight' is [7, 2], expected [8, 2]"),
    Bad(
      testDescription: "control-LoRA", tensors: ["lora_controlnet "],
      message: "is a control-LoRA, which makes a ControlNet of a U-Net and changes no model"),
  ]

  @Test(arguments: bad)
  func whatContradictsItselfIsRefused(_ bad: Bad) {
    let error = #expect(throws: AdapterError.self) {
      try AdapterFile(
        of: bad.tensors.map { text in
          let parts = text.split(separator: " ", maxSplits: 1)
          let extents = (parts.count > 1 ? parts[1] : "").split(separator: ", ").compactMap {
            Int($0)
          }
          return TensorDescription(
            name: String(parts[0]), elementType: .float32, shape: TensorShape(extents))
        })
    }
    #expect(error?.description == bad.message)
  }

  @Test func whatIsNoPartOfAModuleIsListed() throws {
    let file = try file([
      "lora_unet_a.lora_down.weight": [4, 8], "lora_unet_a.lora_up.weight": [6, 4],
      "lora_unet_b.lora_down.weight": [4, 8], "lora_unet_b.alpha": [],
      "bundle_emb.cat.clip_l": [2, 8], "lora_unet_c.oft_blocks": [2, 4, 4], "noise": [3],
      "unet.x.lora_A.weight": [4, 8], "unet.x.lora_A.default.weight": [4, 8],
      "unet.x.lora_B.weight": [6, 4],
    ])
    #expect(file.modules.map(\.name.path) == ["a", "x"])
    let found = file.leftovers.map { "\(file.tensors[$0.index].name): \($0.reason)" }
    #expect(
      found == [
        "lora_unet_b.lora_down.weight: its module has nothing but alpha, down",
        "lora_unet_b.alpha: its module has nothing but alpha, down",
        "bundle_emb.cat.clip_l: an embedding bundled with the LoRA",
        "lora_unet_c.oft_blocks: OFT, which cannot be merged", "noise: no known part of a LoRA",
        "unet.x.lora_A.default.weight: the same as 'unet.x.lora_A.weight'",
      ])
    #expect(file.leftovers.filter(\.isKnown).count == 1)
  }

  /// GLoRA of a square layer tells its form by the smaller rank.
  @Test(arguments: [false, true])
  func gloraIsReadInBothForms(isOld: Bool) throws {
    let (wide, high) = (TensorShape([2, 8]), TensorShape([8, 2]))
    let shapes = isOld ? [wide, high, wide, high] : [high, wide, high, wide]
    let names = ["x.a1.weight", "x.a2.weight", "x.b1.weight", "x.b2.weight"]
    let file = try AdapterFile(
      of: zip(names, shapes).map {
        TensorDescription(name: $0, elementType: .float32, shape: $1)
      })
    #expect(file.modules[0].rank == 2)
    guard case .generalised(let a, let b)? = file.modules[0].change else {
      Issue.record("no GLoRA")
      return
    }
    #expect(a == (isOld ? [1, 0] : [0, 1]))
    #expect([b.left, b.right] == (isOld ? [3, 2] : [2, 3]))
  }

  @Test func metadataGivePatternsAndScope() {
    let metadata = AdapterMetadata(
      inFile: [
        "lora_adapter_metadata": .string(
          #"""
          {"unet.r": 4, "unet.lora_alpha": 2, "unet.rank_pattern": {"attn1.to_q": 8, "^conv_in": 16},
           "unet.alpha_pattern": {"mid_block\\.proj": 5}, "unet.use_rslora": true,
           "text_encoder.r": 3}
          """#)
      ])
    func rank(_ name: String) -> Double? {
      AdapterKey(name + ".lora_A.weight").flatMap { metadata.rank(of: $0.module) }
    }
    func alpha(_ name: String) -> Double? {
      AdapterKey(name + ".lora_A.weight").flatMap { metadata.alpha(of: $0.module) }
    }
    #expect(rank("unet.x.attn1.to_q") == 8)
    #expect(rank("unet.x.battn1.to_q") == 4)
    #expect(rank("unet.conv_in") == 16)
    #expect(rank("unet.y.conv_in") == 4)
    #expect(rank("text_encoder.z") == 3)
    #expect(alpha("unet.mid_block.proj") == 5)
    #expect(alpha("unet.z") == 2)
    #expect(alpha("text_encoder.z") == nil)
    #expect(AdapterMetadata(inFile: ["lora_adapter_metadata": "no JSON"]).isEmpty)
  }
}
