import { spawnSync } from 'node:child_process'
import { load, loadAll } from 'js-yaml'
import ts from 'typescript'
import { readDeployed } from './support.js'

/** The kinds of deploy/kubernetes.yaml and of the chart, with the module of `kubernetes-types` that declares each. */
const kinds: Record<string, string> = {
  'v1 ConfigMap': 'core/v1',
  'v1 Service': 'core/v1',
  'apps/v1 Deployment': 'apps/v1',
  'policy/v1 PodDisruptionBudget': 'policy/v1',
  'v1 PersistentVolumeClaim': 'core/v1',
  'autoscaling/v2 HorizontalPodAutoscaler': 'autoscaling/v2',
  'networking.k8s.io/v1 Ingress': 'networking/v1',
}

export interface Resource {
  apiVersion: string
  kind: string
  metadata: { name: string }
}

/**
 * Says what TypeScript finds wrong with objects as literals of the types of Kubernetes: missing, mistyped and unknown fields. The JSON
 * schemas of Kubernetes accept a field that Kubernetes does not know.
 */
export const kubernetesProblems = (resources: readonly Resource[]): string[] => {
  const source = resources.map((resource, n) => {
    const module = kinds[`${resource.apiVersion} ${resource.kind}`]
    if (module === undefined) throw new Error(`${resource.apiVersion} ${resource.kind} is of no known kind.`)
    return `export const r${n}: import('kubernetes-types/${module}').${resource.kind} = ${JSON.stringify(resource, null, 1)}\n`
  })
  // The file is beside this one, so that its imports of packages are found.
  const name = new URL('kubernetes-manifest.ts', import.meta.url).pathname
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
  }
  const host = ts.createCompilerHost(options)
  const getSourceFile = host.getSourceFile.bind(host)
  host.getSourceFile = (file, version, ...rest) =>
    file === name
      ? ts.createSourceFile(file, source.join(''), version)
      : getSourceFile(file, version, ...rest)
  return ts
    .getPreEmitDiagnostics(ts.createProgram([name], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

export const readManifest = async (): Promise<Resource[]> =>
  loadAll(await readDeployed('kubernetes.yaml')) as Resource[]

interface Service {
  environment: Record<string, string>
  command: string[]
  stop_grace_period: string
  volumes: string[]
  depends_on: unknown
}

export const readCompose = async (): Promise<{ services: Record<string, Service> }> =>
  load(await readDeployed('docker-compose.yml')) as { services: Record<string, Service> }

/** Has Debian's docker-compose check a file against its schema. It needs no Docker for that. */
export const checkCompose = (folder: string): { status: number | null; output: string } => {
  const { status, stdout, stderr } = spawnSync('docker-compose', ['config'], {
    cwd: folder,
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}
