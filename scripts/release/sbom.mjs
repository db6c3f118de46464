// The packages that an install of chat-session brings, as CycloneDX 1.5. npm's own `sbom --omit=dev` leaves out those that are
// development dependencies, too.

/** The hash of a package's tarball, from the `integrity` of package-lock.json. */
const hashOf = (integrity) => {
  const [, algorithm, base64] = /^(sha\d+)-(\S+)$/.exec(integrity)
  return {
    alg: `${algorithm.slice(0, 3).toUpperCase()}-${algorithm.slice(3)}`,
    content: Buffer.from(base64, 'base64').toString('hex'),
  }
}

const purlOf = (name, version) => `pkg:npm/${name.replace('@', '%40')}@${version}`

/** A license expression of package.json: an id, or several that are joined. */
const licensesOf = (license) =>
  license === undefined ? [] : [/\s/.test(license) ? { expression: license } : { license: { id: license } }]

const componentOf = ([path, { name, version, license, integrity }]) => {
  const packageName = name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const purl = purlOf(packageName, version)
  return {
    type: 'library',
    'bom-ref': purl,
    name: packageName,
    version,
    licenses: licensesOf(license),
    ...(integrity && { hashes: [hashOf(integrity)] }),
    purl,
  }
}

/**
 * Returns the bill of materials of a lock file. Packages for development, peers that an app may leave out and workspaces are not in it.
 */
export const sbomOf = ({ packages: { '': root, ...packages } }) => {
  const installed = Object.entries(packages).filter(
    ([path, { dev, devOptional, peer, link }]) =>
      path.startsWith('node_modules/') && !dev && !devOptional && !peer && !link,
  )
  const components = installed.map(componentOf)
  const refs = [...new Set(components.map(({ purl }) => purl))]
  const own = componentOf(['node_modules/chat-session', root])
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: own },
    components: refs.map((ref) => components.find(({ purl }) => purl === ref)),
    dependencies: [{ ref: own.purl, dependsOn: refs }],
  }
}
