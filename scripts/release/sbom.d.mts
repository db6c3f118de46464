interface Component {
  name: string
  version: string
  purl: string
  hashes?: { alg: string; content: string }[]
  licenses: object[]
}

/** Returns the bill of materials of a lock file, as CycloneDX 1.5. */
export declare const sbomOf: (lock: { packages: object }) => {
  bomFormat: string
  metadata: { component: Component }
  components: Component[]
  dependencies: { ref: string; dependsOn: string[] }[]
}
