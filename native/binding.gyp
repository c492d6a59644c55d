{
  "targets": [
    {
      "target_name": "raziel",
      "sources": [
        "src/addon.cc",
        "src/answer.cc",
        "src/areas.cc",
        "src/candidates.cc",
        "src/cell_tidy.cc",
        "src/cell_tree.cc",
        "src/fix_decoder.cc",
        "src/frame.cc",
        "src/frames.cc",
        "src/id_table.cc",
        "src/journal.cc",
        "src/journal_addon.cc",
        "src/nearest_scan.cc",
        "src/search.cc",
        "src/session.cc",
        "src/tag_registry.cc",
        "src/tag_sets.cc",
        "src/text.cc",
        "src/zones/attach.cc",
        "src/zones/grid_builder.cc",
        "src/zones/layer_builder.cc",
        "src/zones/polygon_pieces.cc",
        "src/zones/snapshot.cc",
        "src/zones/tree_builder.cc",
        "src/zones_addon.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++14"],
      "cflags_cc": ["-std=c++20", "-O3", "-Wall", "-Wextra", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden"],
      "conditions": [
        # Without it GCC copies and clears what is a few dozen bytes by `rep movs` and `rep stos`, which take as long to start as a search's answer
        # takes for a driver. It changes which instructions are preferred, not which are used.
        ["target_arch=='x64'", {"cflags_cc": ["-mtune=skylake-avx512"]}]
      ],
      "xcode_settings": {
        "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
        "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
        "OTHER_CFLAGS": ["-O3", "-ffp-contract=off", "-fno-math-errno"],
        "MACOSX_DEPLOYMENT_TARGET": "12.0"
      }
    }
  ]
}
