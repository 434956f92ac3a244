<?php
A::;
