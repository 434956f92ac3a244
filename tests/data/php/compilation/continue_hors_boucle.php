<?php
function f(): void { continue; }
