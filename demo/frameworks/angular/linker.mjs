import { transformAsync } from '@babel/core'

/** Compiles Angular's packages completely. They are published half compiled, and the browser would need a compiler. */
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
