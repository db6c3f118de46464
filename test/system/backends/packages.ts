// Prints Debian's packages that these tests need, for apt-get.
import { languages } from './languages.js'

console.log(
  Object.values(languages)
    .flatMap(({ packages }) => packages)
    .join(' '),
)
