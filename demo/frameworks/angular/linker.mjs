import { transformAsync } from '@babel/core'

/** Angular's packages come half compiled; this finishes them, so that no compiler is needed in the browser. */
export const angularLinker = () => ({
  name: 'angular-linker',
  async transform(code, id) {
    if (!id.includes('/@angular/') || !code.includes('ɵɵngDeclare')) return null
    const linked = await transformAsync(code, {
      filename: id,
      plugins: ['@angular/compiler-cli/linker/babel'],
      babelrc: false,
      configFile: false,
      compact: false,
      sourceMaps: true,
    })
    return linked && { code: linked.code ?? '', map: linked.map }
  },
})
