#!/usr/bin/env node
// npm links a command only to a file that exists when it installs: in a clone that is before the build.
import './dist/main.js'
