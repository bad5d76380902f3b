// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// Settings for the targets that read bytes written by strangers.
let strictSettings = swiftSettings + [.strictMemorySafety()]

let package = Package(
  name: "assay",
  products: [
    .executable(name: "assay", targets: ["assay"]),
    .library(
      name: "Assay",
      targets: [
        "TensorCore", "Checkpoints", "KeyLayouts", "Conversion", "Inspection", "Reports",
        "Numerics",
        "Schedulers", "DiffusionModels", "Generation", "Validation",
      ]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .target(name: "CKernels"),
    .target(name: "CVocabulary", exclude: ["clip-merges.txt"]),

    .target(
      name: "TensorCore", dependencies: ["CKernels", "CXXHash"], swiftSettings: strictSettings),
    .target(
      name: "Checkpoints", dependencies: ["TensorCore", "CZlib"], swiftSettings: strictSettings),
    .target(
      name: "KeyLayouts", dependencies: ["TensorCore", "CVocabulary"],
      swiftSettings: swiftSettings),
    .target(
      name: "Conversion", dependencies: ["TensorCore", "Checkpoints", "KeyLayouts", "Numerics"],
      swiftSettings: swiftSettings),
    .target(
      name: "Inspection",
      dependencies: [
        "TensorCore", "Checkpoints", "KeyLayouts", "Conversion", "Reports", "Numerics",
      ],
      swiftSettings: swiftSettings),
    .target(name: "Reports", dependencies: ["TensorCore"], swiftSettings: swiftSettings),
    .target(
      name: "Numerics", dependencies: ["TensorCore", "CKernels"],
      swiftSettings: swiftSettings),
    .target(name: "Schedulers", dependencies: ["TensorCore"], swiftSettings: swiftSettings),
    .target(
      name: "DiffusionModels", dependencies: ["TensorCore", "Numerics", "KeyLayouts"],
      swiftSettings: swiftSettings),
    .target(
      name: "Generation",
      dependencies: [
        "TensorCore", "Numerics", "KeyLayouts", "DiffusionModels", "Schedulers", "CPNG", "CZlib",
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "Validation",
      dependencies: [
        "TensorCore", "Checkpoints", "KeyLayouts", "Numerics", "Schedulers", "DiffusionModels",
        "Generation", "Reports",
      ],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "assay",
      dependencies: [
        "TensorCore", "Checkpoints", "KeyLayouts", "Conversion", "Inspection", "Reports",
        "Numerics",
        "Schedulers", "DiffusionModels", "Generation", "Validation",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),

    .target(
      name: "TestSupport", dependencies: ["TensorCore", "Numerics", "Checkpoints", "KeyLayouts"],
      path: "Tests/TestSupport",
      swiftSettings: swiftSettings),
    testTarget("TensorCoreTests", of: ["TensorCore"]),
    testTarget("CheckpointsTests", of: ["TensorCore", "Checkpoints"]),
    testTarget("KeyLayoutsTests", of: ["TensorCore", "KeyLayouts"]),
    testTarget(
      "ConversionTests",
      of: ["TensorCore", "Checkpoints", "KeyLayouts", "Numerics", "Conversion"]),
    testTarget("ReportsTests", of: ["TensorCore", "Reports"]),
    testTarget(
      "InspectionTests",
      of: ["TensorCore", "Checkpoints", "KeyLayouts", "Conversion", "Inspection"]),
    testTarget("NumericsTests", of: ["TensorCore", "Numerics", "Checkpoints"]),
    testTarget("SchedulersTests", of: ["TensorCore", "Schedulers", "Checkpoints"]),
    testTarget(
      "DiffusionModelsTests",
      of: ["TensorCore", "Numerics", "KeyLayouts", "DiffusionModels", "Checkpoints"]),
    testTarget(
      "GenerationTests",
      of: ["TensorCore", "KeyLayouts", "Numerics", "Schedulers", "Generation", "Checkpoints"]),
    testTarget(
      "ValidationTests",
      of: [
        "TensorCore", "KeyLayouts", "Numerics", "Checkpoints", "DiffusionModels", "Generation",
        "Validation",
      ]),
    testTarget("CommandTests", of: ["TensorCore", "Checkpoints", "KeyLayouts", "CZlib"]),
  ]
)

// The fuzzers link against libFuzzer's own `main`, so they are a product only where they are asked
// for: see `.ci/fuzz`.
if Context.environment["ASSAY_FUZZING"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: ["TensorCore", "Checkpoints", "Inspection"],
      path: "Tests/Fuzzing", swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])]))
}

/// A test target named after the target it tests.
func testTarget(_ name: String, of targets: [String]) -> Target {
  .testTarget(
    name: name,
    dependencies: (targets + ["TestSupport"]).map { .byName(name: $0) },
    swiftSettings: swiftSettings)
}
