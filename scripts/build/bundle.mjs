// Builds what rollup.config.mjs has, its lists beside each other.
import { rollup } from 'rollup'
import { lanes } from '../../rollup.config.mjs'

await Promise.all(
  lanes.map(async (lane) => {
    for (const { output, ...input } of lane) {
      const bundle = await rollup(input)
      await bundle.write(output)
      await bundle.close()
    }
  }),
)
